"""Bad X-ray files: one line that names the file, what is wrong, and what to do."""

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from PIL import Image
from pydicom.uid import JPEG2000Lossless
from xray_files import intensities, write_xray

from xvrcore.errors import InputError
from xvrcore.xray_io import XrayOptions, read_radiograph

GIVEN = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.2, 0.2))


def refusal(path, options=GIVEN, frame="0"):
    """The message with which a file is refused: one line that names the file."""
    with pytest.raises(InputError) as caught:
        read_radiograph(path, options, frame)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message or path.stem in message
    return message


def test_missing_file_folder_and_empty_file(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.dcm")
    assert "folder" in refusal(tmp_path)
    (tmp_path / "empty.dcm").write_bytes(b"")
    assert "empty" in refusal(tmp_path / "empty.dcm")


@pytest.mark.parametrize("shape", [(3, 400), (400, 3), (1, 50), (15, 15)])
def test_what_is_too_thin_for_a_picture(tmp_path, rng, shape):
    Image.fromarray(rng.integers(0, 4000, shape).astype(np.uint16)).save(tmp_path / "thin.png")
    assert "at least 16" in refusal(tmp_path / "thin.png")


def test_unknown_format(tmp_path):
    (tmp_path / "notes.txt").write_text("not an X-ray")
    assert "neither DICOM nor" in refusal(tmp_path / "notes.txt")
    (tmp_path / "fake.png").write_text("not a picture")
    assert "cannot be read" in refusal(tmp_path / "fake.png")


def test_truncated_and_damaged_pixels(tmp_path, shared_data):
    whole = write_xray(tmp_path / "whole.dcm", intensities(), bits=12).read_bytes()
    for share in (0.3, 0.6, 0.95):
        (tmp_path / "cut.dcm").write_bytes(whole[:int(share * len(whole))])
        refusal(tmp_path / "cut.dcm")
    coded = write_xray(tmp_path / "coded.dcm", intensities((300, 400)), JPEG2000Lossless).read_bytes()
    (tmp_path / "damaged.dcm").write_bytes(coded[:3000] + bytes(len(coded) - 3008) + coded[-8:])
    assert "decode" in refusal(tmp_path / "damaged.dcm")
    assert "decode" in refusal(shared_data / "dicom" / "dx_broken_j2k_stream.dcm")


def test_dicom_of_other_kinds(tmp_path):
    assert "CT" in refusal(write_xray(tmp_path / "ct.dcm", intensities(), modality="CT"))
    path = write_xray(tmp_path / "report.dcm", intensities())
    dataset = pydicom.dcmread(path)
    for name in ("Rows", "Columns", "PixelData"):
        delattr(dataset, name)
    dataset.save_as(tmp_path / "bare.dcm")
    assert "without an image" in refusal(tmp_path / "bare.dcm")


def test_missing_geometry_is_asked_for_by_its_options(tmp_path, shared_data):
    message = refusal(shared_data / "dicom" / "cr_mono1_chest.dcm", None)
    assert "--sdd-mm" in message
    assert "--pixel-spacing-mm" in message
    path = write_xray(tmp_path / "x.dcm", intensities(), DistanceSourceToDetector=None, DistanceSourceToPatient=None)
    message = refusal(path, None)
    assert "--sdd-mm" in message
    assert "--pixel-spacing-mm" not in message
    refusal(write_xray(tmp_path / "z.dcm", intensities(), DistanceSourceToDetector=0), None)


@pytest.mark.parametrize("spacing", [[0, 0], [-0.2, 0.2], [0.2, 0], [0.2, 0.2, 0.2]])
def test_impossible_spacing(tmp_path, spacing):
    message = refusal(write_xray(tmp_path / "x.dcm", intensities(), ImagerPixelSpacing=spacing), None)
    assert "ImagerPixelSpacing" in message
    assert "--pixel-spacing-mm" in message


def test_half_empty_spacing(tmp_path):
    path = write_xray(tmp_path / "x.dcm", intensities(), ImagerPixelSpacing=None, PixelSpacing=[0.21, 0.21])
    content = path.read_bytes()
    assert content.count(b"0.21\\0.21") == 1
    path.write_bytes(content.replace(b"0.21\\0.21", b"0.21\\    "))
    assert "PixelSpacing" in refusal(path, None)


@pytest.mark.parametrize(("bad", "words"), [
    ({"sdd_mm": 0}, "source-to-detector distance, 0,"), ({"sdd_mm": float("nan")}, "source-to-detector distance, nan,"),
    ({"pixel_spacing_mm": (0.2, -0.2)}, "pixel spacing"), ({"pixel_spacing_mm": (0.2, 0.2, 0.2)}, "two values"),
    ({"source_isocenter_mm": -5}, "isocenter distance, -5,"), ({"primary_deg": float("inf")}, "primary angle"),
    ({"principal_point_px": (float("nan"), 0)}, "principal point"), ({"polarity": 0}, "polarity 0"),
])
def test_impossible_options(bad, words):
    with pytest.raises(InputError, match=words):
        XrayOptions(**bad)


@pytest.mark.parametrize("frame", ["4", "-1", "two", "mean:2-9", "mean:3-1", "median", ""])
def test_frames_that_are_not_there(tmp_path, frame):
    path = write_xray(tmp_path / "x.dcm", np.stack([intensities()] * 4), bits=12)
    with pytest.raises(InputError, match="is not understood|is not among them"):
        read_radiograph(path, None, frame)


def test_volumes_are_not_xrays(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).random((5, 20, 30))), str(tmp_path / "ct.nii.gz"))
    assert "volume" in refusal(tmp_path / "ct.nii.gz")


def test_colored_pictures(tmp_path):
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[5:10, :, 0] = 200
    Image.fromarray(rgb).save(tmp_path / "x.png")
    assert "color" in refusal(tmp_path / "x.png")
    path = write_xray(tmp_path / "x.dcm", rgb[..., 0], bits=8)
    dataset = pydicom.dcmread(path)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.PixelData = rgb.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    assert "color" in refusal(path)


def test_constant_and_undefined_pixels(tmp_path):
    assert "700" in refusal(write_xray(tmp_path / "x.dcm", np.full((30, 40), 700, np.uint16)))
    values = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    values[3, 4] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "nan.nrrd"))
    assert "not numbers" in refusal(tmp_path / "nan.nrrd")


@pytest.mark.parametrize(("content", "word"), [
    ("{", "JSON"), ("[1]", "JSON"), (json.dumps({"sdd": 1000}), "sdd"), (json.dumps({"sdd_mm": -1}), "positive"),
    (json.dumps({"sdd_mm": "far"}), "sdd_mm"), (json.dumps({"patient_orientation": 5}), "patient_orientation"),
])
def test_unusable_sidecars(tmp_path, content, word):
    Image.fromarray(intensities()).save(tmp_path / "shot.png")
    (tmp_path / "shot.json").write_text(content)
    assert word in refusal(tmp_path / "shot.png")


def test_random_damage_is_refused_plainly_or_harmless(tmp_path, rng):
    whole = write_xray(tmp_path / "whole.dcm", intensities(), JPEG2000Lossless).read_bytes()
    path = tmp_path / "damaged.dcm"
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(132, len(whole), rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        message = message_of(path)
        assert message is None or (str(path) in message and "\n" not in message)


def message_of(path):
    """With what a file is refused, if it is; any other kind of error passes through."""
    try:
        read_radiograph(path, GIVEN)
    except InputError as error:
        return str(error)
    return None
