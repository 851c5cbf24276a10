"""The field found in the picture: blades and discs of every kind are followed, and anatomy is never cut."""

import json
import time

import numpy as np
import pytest
from scipy import ndimage
from xray_pictures import KINDS, random_shot

from xvrcore.xray import Origin
from xvrcore.xray_io import XrayOptions, read_radiograph
from xvrcore.xray_io.blanks import burned_in, surround
from xvrcore.xray_io.picture import Picture
from xvrcore.xray_io.shapes import Disc, Field, Side
from xvrcore.xray_io.views import FIELD_MARGIN_MM, views


def seen(shot):
    """The mask that is found for the true polarity; ``None`` if that was ruled out."""
    claimed = Origin(1, "dicom", "LIN") if shot.encoding == "LIN" else None
    picture = Picture(shot.values.astype(np.float32), (0.0, 4095.0), {}, Origin(shot.encoding, "dicom"), claimed)
    possible, _, _ = views(picture, None, (shot.spacing_mm, shot.spacing_mm))
    return {view.polarity: view.mask for view in possible}.get(shot.sense)


def inner(shot):
    """The true field without the margin that reading takes off."""
    return ndimage.binary_erosion(shot.field, iterations=round(FIELD_MARGIN_MM / shot.spacing_mm), border_value=1)


def overlaps_of_random_shots(rng, rounds):
    """Intersection over union with the true field, by kind; and how often the true polarity was ruled out."""
    overlaps, ruled_out = {kind: [] for kind in KINDS}, 0
    for kind in KINDS * rounds:
        shot = random_shot(rng, kind)
        mask = seen(shot)
        ruled_out += mask is None
        if mask is not None:
            overlaps[kind].append((mask & inner(shot)).sum() / (mask | inner(shot)).sum())
    return overlaps, ruled_out


def test_random_fields_are_found(rng):
    overlaps, ruled_out = overlaps_of_random_shots(rng, 4)
    everything = np.concatenate(list(overlaps.values()))
    assert np.median(everything) > 0.95
    assert (everything > 0.85).mean() > 0.7
    assert ruled_out <= 1


@pytest.mark.slow
def test_many_random_fields_are_found(rng):
    overlaps, ruled_out = overlaps_of_random_shots(rng, 40)
    everything = np.concatenate(list(overlaps.values()))
    assert np.median(everything) > 0.97
    assert np.percentile(everything, 10) > 0.85
    assert np.percentile(overlaps["none"], 10) > 0.9
    assert ruled_out <= 1


def clear_shot(shape=(256, 256), *, lit, inside=0.4, outside=0.01, noise=0.003, seed=5):
    """A plain picture with a known lit region and a soft disc of tissue in it."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:shape[0], :shape[1]] / np.array(shape)[:, None, None] - 0.5
    signal = np.where(lit, inside * np.exp(-1.5 * np.exp(-8 * (u ** 2 + v ** 2))), outside)
    signal = ndimage.gaussian_filter(signal, 1) + rng.normal(0, noise, shape)
    return Picture(np.rint(np.clip(4095 * signal, 0, 4095)).astype(np.float32), (0.0, 4095.0), {},
                   Origin("LIN", "dicom"), Origin(1, "dicom", "LIN"))


@pytest.mark.parametrize("shape", [(256, 256), (200, 320), (384, 200)])
def test_mask_ends_two_millimeters_inside_the_field(shape):
    v, u = np.mgrid[:shape[0], :shape[1]] / np.array(shape)[:, None, None]
    lit = (u > 0.2) & (u < 0.85) & (v > 0.15) & (v < 0.7)
    (view,), _, origin = views(clear_shot(shape, lit=lit), None, (0.8, 0.8))
    assert not (view.mask & ~lit).any()
    distance = ndimage.distance_transform_edt(lit) * 0.8
    assert view.mask[distance > FIELD_MARGIN_MM + 1.5].all()
    assert origin.source == "image"


def test_polarity_follows_from_the_edges():
    lit = np.zeros((256, 256), bool)
    lit[40:210, 30:220] = True
    bright = clear_shot(lit=lit)
    for values, sense in ((bright.values, 1), (4095 - bright.values, -1)):
        picture = Picture(values, (0.0, 4095.0), {}, Origin("DISP", "dicom"), None)
        possible, polarity, _ = views(picture, None, (0.8, 0.8))
        assert [view.polarity for view in possible] == [sense]
        assert polarity.source == "image"


def test_edges_that_contradict_the_header_leave_both_polarities_open():
    lit = np.zeros((256, 256), bool)
    lit[40:210, 30:220] = True
    bright = clear_shot(lit=lit)
    picture = Picture(4095 - bright.values, (0.0, 4095.0), {}, bright.encoding, bright.intensity_sense)
    possible, polarity, _ = views(picture, None, (0.8, 0.8))
    assert [view.polarity for view in possible] == [-1, 1]
    assert polarity.source == "assumed"


def test_shutters_of_the_header_are_masked_too():
    picture = clear_shot(lit=np.ones((256, 256), bool))
    shutters = np.zeros((256, 256), bool)
    shutters[60:200] = True
    (view,), _, origin = views(Picture(picture.values, picture.value_range, {}, picture.encoding,
                                       picture.intensity_sense, shutters), None, (0.8, 0.8))
    assert not (view.mask & ~shutters).any()
    assert view.mask[70:190, 10:-10].all()
    assert "shutters" in origin.detail


def test_a_lone_rod_across_the_picture_is_no_edge_of_the_field():
    v, u = np.mgrid[:256, :256] / 256 - 0.5
    picture = clear_shot(lit=np.ones((256, 256), bool))
    rod = np.abs(u * np.cos(0.7) + v * np.sin(0.7) + 0.1) < 0.012
    values = np.where(ndimage.gaussian_filter(rod.astype(float), 1) > 0.5, 0.2 * picture.values, picture.values)
    (view,), _, origin = views(Picture(values.astype(np.float32), picture.value_range, {}, picture.encoding,
                                       picture.intensity_sense), None, (0.8, 0.8))
    assert origin.value == "none"
    assert view.mask[5:-5, 5:-5].all()


@pytest.mark.parametrize("value", [0, 700, 4095])
def test_painted_surrounds_are_no_picture(value):
    rng = np.random.default_rng(3)
    v, u = np.mgrid[:300, :300]
    lit = (np.hypot(u - 150, v - 150) < 130) & (v > 60)
    values = np.where(lit, 1500 + 300 * np.sin(u / 20) + rng.normal(0, 20, lit.shape), value).astype(np.float32)
    values[5:15, 20:60:3] = 2000
    found = surround(values)
    assert (found & ~lit).sum() / (~lit).sum() > 0.97
    assert (found & lit).mean() < 0.01


def test_air_that_saturates_around_a_patient_is_picture():
    v, u = np.mgrid[:300, :300]
    body = np.sqrt(np.clip(1 - ((u - 150) / 110) ** 2, 0, 1))
    assert not surround(np.minimum(4095, 4300 * np.exp(-2 * body)).astype(np.float32)).any()


def test_burned_in_text_is_found_and_saturation_is_not():
    rng = np.random.default_rng(4)
    values = (1500 + rng.normal(0, 30, (300, 300))).astype(np.float32)
    values[:, 200:] = np.minimum(4095, values[:, 200:] * np.linspace(1, 4, 100))
    text = np.zeros(values.shape, bool)
    text[20:34, 20:22] = text[20:22, 20:30] = text[26:28, 20:30] = True
    values[text] = 4095
    found = burned_in(values)
    assert found[text].all()
    assert found[:, 100:].mean() < 0.01


def test_shapes_keep_their_place_when_enlarged():
    small = Field((40, 50), (Side(0.1, 12.0), Side(np.pi / 2, 10.0)), Disc(2.0, -1.0, 15.0))
    large = small.enlarged((203, 252), 5)
    blocks = large.mask[:200, :250].reshape(40, 5, 50, 5).mean((1, 3)) > 0.5
    assert (blocks != small.mask).sum() <= 4


def practice_field(image: dict) -> np.ndarray:
    collimator, (v, u) = image["collimator"], np.mgrid[:image["rows"], :image["cols"]]
    if collimator["kind"] == "rect":
        return (u >= collimator["left"]) & (u <= collimator["right"]) & (v >= collimator["top"]) \
            & (v <= collimator["bottom"])
    if collimator["kind"] == "circle":
        return np.hypot(u - collimator["center"][0], v - collimator["center"][1]) <= collimator["radius"]
    return np.ones(u.shape, bool)


def test_practice_xrays_give_their_true_field_and_polarity(shared_data):
    images = [image for truth in sorted((shared_data / "xrays").glob("*_truth.json"))
              for image in json.loads(truth.read_text())["images"]]
    assert len(images) == 10
    for image in images:
        radiograph = read_radiograph(shared_data / "xrays" / image["files"]["dicom"])
        rises = 1 if image["encoding"]["stored_value_grows_with"].startswith("intensity") else -1
        reading = {r.polarity: r for r in radiograph.readings}[rises]
        field = practice_field(image)
        assert not (reading.mask & ~field).any(), image["image"]
        assert (reading.mask & field).sum() / field.sum() > 0.92, image["image"]


@pytest.mark.parametrize(("name", "row", "col", "valid"), [
    ("rf_circular_shutter", 512, 512, True), ("rf_circular_shutter", 60, 60, False),
    ("rf_ge_carm_hip_no_spacing", 500, 500, True), ("rf_ge_carm_hip_no_spacing", 80, 500, False),
    ("rf_ge_carm_hip_no_spacing", 930, 500, False), ("rf_ge_carm_hip_no_spacing", 200, 60, False),
    ("xa_multiframe_96_jpeg", 256, 256, True), ("xa_multiframe_96_jpeg", 256, 5, False),
    ("xa_multiframe_96_jpeg", 20, 20, False), ("xa_philips_allura_j2k", 500, 600, True),
    ("xa_philips_allura_j2k", 50, 500, False), ("cr_mono1_chest", 220, 60, True), ("cr_mono1_chest", 20, 220, True),
    ("dx_canon_mono1_flip_rot90", 1000, 500, True), ("dx_canon_mono1_flip_rot90", 300, 1000, True),
])
def test_real_xrays_keep_their_picture_and_lose_their_surround(shared_data, name, row, col, valid):
    options = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.3, 0.3))
    for reading in read_radiograph(shared_data / "dicom" / f"{name}.dcm", options).readings:
        assert reading.mask[row, col] == valid


def test_reading_takes_a_fraction_of_a_second(shared_data):
    options = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.3, 0.3))
    path = shared_data / "dicom" / "rf_circular_shutter.dcm"
    read_radiograph(path, options)
    start = time.process_time()
    read_radiograph(path, options)
    assert time.process_time() - start < 0.6
