"""Simulated X-rays: the laws of the beam, of the detector, of the file and of the truth."""

import json
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from scipy.ndimage import binary_dilation

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.evaluation import evaluate
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.simulate import (
    IDEAL,
    Beam,
    Collimator,
    Detector,
    Encoding,
    Header,
    Plate,
    Rod,
    Scatter,
    SimulationSettings,
    TissueModel,
    prepare_phantom,
    random_implants,
    settings_from_dict,
    simulate_xray,
    write_dicom,
    write_truth,
)
from xvrcore.simulate.detector import detected, heel_gain, scattered, transmitted
from xvrcore.simulate.dicom_writer import orientation_letters
from xvrcore.simulate.materials import ANATOMIES, MASS_ATTENUATION, densities
from xvrcore.simulate.metal import metal_mm
from xvrcore.truth import read_truth
from xvrcore.volume import Volume

CENTER = np.array([5.0, -8.0, 12.0])


@pytest.fixture(scope="module")
def ct() -> Volume:
    """A water block of 60 x 60 x 48 mm with a bone ball and an air ball in it, in air."""
    spacing = np.array([2.0, 2.0, 2.0])
    k, j, i = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * 2.0 for n in (32, 40, 40)], indexing="ij")
    hu = np.where((np.abs(i) < 30) & (np.abs(j) < 30) & (np.abs(k) < 24), 0.0, -1000.0)
    hu[(i - 10) ** 2 + j ** 2 + k ** 2 < 81] = 1000
    hu[(i + 12) ** 2 + (j + 5) ** 2 + k ** 2 < 64] = -1000
    ras_from_ijk = np.diag([*spacing, 1.0])
    ras_from_ijk[:3, 3] = CENTER - spacing * (np.array(hu.shape[::-1]) - 1) / 2
    return Volume(hu.astype(np.float32), ras_from_ijk, "HU")


def camera(rows=48, cols=64, spacing=2.0, flipped=False, primary=15.0, secondary=-8.0) -> Camera:
    intrinsics = Intrinsics(1000, (spacing, spacing), (cols / 2 + 1.5, rows / 2 - 0.5), rows, cols, flipped)
    return Camera(intrinsics, camera_pose(primary, secondary, 700, CENTER, roll_deg=4))


def test_ideal_xray_is_beer_and_lamberts_law(ct):
    view = camera()
    phantom = prepare_phantom(ct)
    mass = phantom.mass_g_cm2(view)
    simulated = simulate_xray(phantom, view, IDEAL)
    exponent = sum(MASS_ATTENUATION[name][3] * mass[name] for name in ("water", "bone"))
    np.testing.assert_allclose(simulated.transmission, np.exp(-exponent), rtol=1e-5)
    values = simulated.pixels[0].astype(float)
    unsaturated = values < 4095
    ratio = values[unsaturated] / simulated.transmission[unsaturated]
    np.testing.assert_allclose(values[unsaturated], np.median(ratio) * simulated.transmission[unsaturated], atol=1)


def test_water_of_known_thickness(ct):
    """Straight through the water beside the balls: the block is 60 mm wide."""
    view = camera(primary=0, secondary=0)
    mass = prepare_phantom(ct).mass_g_cm2(view)
    uv, _ = view.project(CENTER + [0, 0, 18])
    column, row = np.rint(uv).astype(int)
    assert mass["water"][row, column] == pytest.approx(6.0, rel=0.03)
    assert mass["bone"][row, column] == 0


def test_beam_hardens():
    """Through twice the bone, a polychromatic beam attenuates less than twice as much; a monochromatic one exactly."""
    thin, thick = ({"bone": np.array(one, np.float32)} for one in (2.0, 4.0))
    poly, mono = Beam(), IDEAL.beam
    assert np.log(transmitted(thick, poly)) > 2 * np.log(transmitted(thin, poly)) + 0.05
    assert np.log(transmitted(thick, mono)) == pytest.approx(2 * np.log(transmitted(thin, mono)))


def test_doubling_photons_halves_the_variance():
    rng, signal = np.random.default_rng(3), np.full((400, 400), 0.3)
    detector = Detector(blur_mm=0, electronic_noise=0)
    once, twice = (detected(signal, photons, detector, (0.4, 0.4), rng).var() for photons in (5000, 10000))
    assert once == pytest.approx(0.3 / 5000, rel=0.02)
    assert once / twice == pytest.approx(2, rel=0.03)


def test_exposure_control_keeps_the_photons_behind_thick_and_thin(ct):
    for scale in (1.0, 3.0):
        settings = SimulationSettings(TissueModel(bone_scale=scale), scatter=Scatter(0),
                                      collimator=Collimator("circle"))
        simulated = simulate_xray(ct, camera(spacing=0.8), settings)
        middle = simulated.transmission[14:-14, 18:-18]
        assert np.median(middle) * simulated.photons == pytest.approx(settings.detector.photons, rel=0.1)


def test_scatter_has_the_ratio_that_was_asked_for_and_lifts_the_shadows():
    share = np.full((120, 160), 0.5, np.float32)
    share[40:80, 60:100] = 0.02
    scatter = scattered(share, share, np.ones_like(share), Scatter(1.5, 25.0), (0.5, 0.5))
    assert scatter.mean() / share.mean() == pytest.approx(1.5)
    assert scatter[60, 80] > 10 * share[60, 80]
    assert np.abs(np.diff(scatter, axis=1)).max() < 0.05 * scatter.max()


@pytest.mark.parametrize("collimator", [
    Collimator("rectangle", (0.6, 0.5), (0.45, 0.55)), Collimator("rectangle", (0.6, 0.5), roll_deg=20),
    Collimator("circle", (0.6, 0.6))])
def test_collimated_region_is_dark(ct, collimator):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, collimator=collimator))
    values = simulated.pixels[0].astype(float)
    behind = ~binary_dilation(simulated.open_field, iterations=3)   # beyond the penumbra
    assert 0.1 < simulated.open_field.mean() < 0.5
    assert values[behind].max() < 0.02 * values[simulated.open_field].mean()


def test_metal_rod_in_perspective():
    view = camera(rows=96, cols=96, spacing=1.0)
    rod = Rod(tuple(CENTER - [10, 0, 4]), tuple(CENTER + [14, 6, 3]), 1.5)
    path = metal_mm(view, (rod,))["Fe"]
    uv, _ = view.project(np.array([rod.start_ras, rod.end_ras]))
    v, u = np.nonzero(path)
    np.testing.assert_allclose([u.min(), u.max()], np.sort(uv[:, 0]), atol=3.5)
    np.testing.assert_allclose([v.min(), v.max()], np.sort(uv[:, 1]), atol=3.5)
    assert path.max() >= 3 - 0.1
    # the shadow's integral over the detector, demagnified, is the rod's volume
    seen = path.sum() * (700 / 1000) ** 2
    assert seen == pytest.approx(np.pi * 1.5 ** 2 * np.linalg.norm(np.subtract(rod.end_ras, rod.start_ras)), rel=0.05)


def test_plate_seen_face_on_is_as_thick_as_it_is():
    view = camera(rows=96, cols=96, spacing=1.0)
    axes = view.ras_from_camera[:3, :3].T
    path = metal_mm(view, (Plate(tuple(CENTER), tuple(map(tuple, axes)), (10, 6, 1.5)),))["Ti"]
    uv, _ = view.project(CENTER)
    assert path[int(round(uv[1])), int(round(uv[0]))] == pytest.approx(3.0, rel=1e-3)
    assert (path > 0).sum() == pytest.approx(20 * 12 / 0.7 ** 2, rel=0.1)


def test_implants_cover_the_share_that_was_asked_for():
    view = camera(rows=256, cols=256, spacing=0.8)
    for seed in range(3):
        objects = random_implants(0.25, view, CENTER, np.random.default_rng(seed))
        covered = sum(metal_mm(view, objects).values()) > 0
        assert 0.24 < covered.mean() < 0.5


def test_heel_effect_falls_in_its_direction():
    gain = heel_gain(Beam(heel=0.2, heel_deg=0), (10, 20))
    assert gain[:, 0] - gain[:, -1] == pytest.approx(0.2)
    assert gain.mean() == pytest.approx(1)


def test_the_seed_is_the_only_chance(ct):
    first, same, other = (simulate_xray(ct, camera(), SimulationSettings(seed=seed)).pixels for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_encodings_are_monotonic_in_the_signal(ct):
    view, phantom = camera(), prepare_phantom(ct)
    for kind, sense in (("LIN", 1), ("LOG", 1), ("LOGINV", -1), ("DISP", 1), ("DISPINV", -1)):
        simulated = simulate_xray(phantom, view, replace(IDEAL, encoding=Encoding(kind, enhance=0, bits=10)))
        order = np.argsort(simulated.transmission.ravel())
        assert (np.diff(sense * simulated.pixels[0].ravel()[order].astype(int)) >= 0).all()
        assert simulated.pixels.max() <= 1023


def test_log_is_a_line_integral(ct):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, encoding=Encoding("LOGINV", bits=16)))
    values = simulated.pixels[0].astype(float)
    middle = (values > values.min()) & (values < values.max())
    assert np.corrcoef(values[middle], -np.log(simulated.transmission[middle]))[0, 1] > 0.9999


def test_flipped_image_is_the_mirror_image(ct):
    view = camera()
    cu, cv = view.intrinsics.principal_point_px
    mirror = replace(view.intrinsics, flipped=True, principal_point_px=(63 - cu, cv))
    straight, flipped = (simulate_xray(ct, Camera(one, view.ras_from_camera), IDEAL).pixels
                         for one in (view.intrinsics, mirror))
    np.testing.assert_array_equal(straight, flipped[:, :, ::-1])


def test_supersampling_averages_over_the_pixel(ct):
    """A pixel of 2 mm is the mean of the four of 1 mm that it covers."""
    settings = replace(IDEAL, detector=replace(IDEAL.detector, supersampling=2))
    coarse = simulate_xray(ct, camera(), settings).transmission
    view = camera()
    fine = Camera(view.intrinsics.region(-0.25, -0.25, 0.5, 96, 128), view.ras_from_camera)
    single = simulate_xray(ct, fine, IDEAL).transmission
    np.testing.assert_allclose(coarse, single.reshape(48, 2, 64, 2).mean((1, 3)), rtol=1e-4)


@pytest.mark.parametrize(("bits", "compression", "frames"), [
    (8, "raw", 1), (8, "rle", 1), (12, "rle", 3), (16, "raw", 2)])
def test_dicom_holds_pixels_and_geometry(ct, tmp_path, bits, compression, frames):
    settings = SimulationSettings(
        encoding=Encoding("LOG", "MONOCHROME1", bits, compression, frames),
        collimator=Collimator("rectangle", (0.7, 0.6)),
        header=Header(Positioner(12.5, -3.25, 702.0), sdd_mm=1020.0, body_part="CHEST"))
    view = camera(rows=47, cols=61)
    simulated = simulate_xray(ct, view, settings)
    write_dicom(simulated, tmp_path / "x.dcm")
    dataset = pydicom.dcmread(tmp_path / "x.dcm")
    np.testing.assert_array_equal(dataset.pixel_array.reshape(frames, 47, 61), simulated.pixels)
    assert dataset.SOPClassUID.name == "X-Ray Angiographic Image Storage"
    assert (dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient) == (1020.0, 702.0)
    assert list(dataset.ImagerPixelSpacing) == [2.0, 2.0]
    assert (dataset.PositionerPrimaryAngle, dataset.PositionerSecondaryAngle) == (12.5, -3.25)
    assert (dataset.PixelIntensityRelationship, dataset.PhotometricInterpretation) == ("LOG", "MONOCHROME1")
    assert (dataset.BitsStored, dataset.BitsAllocated) == (bits, 8 if bits == 8 else 16)
    assert dataset.BodyPartExamined == "CHEST"
    assert int(dataset.get("NumberOfFrames", 1)) == frames
    field = np.zeros((47, 61), bool)
    field[dataset.ShutterUpperHorizontalEdge - 1:dataset.ShutterLowerHorizontalEdge,
          dataset.ShutterLeftVerticalEdge - 1:dataset.ShutterRightVerticalEdge] = True
    np.testing.assert_array_equal(field, simulated.open_field)


def test_header_says_only_what_it_may(ct, tmp_path):
    settings = SimulationSettings(collimator=Collimator("circle"),
                                  header=Header(Positioner(), shutters=False, orientation=False))
    write_dicom(simulate_xray(ct, camera(), settings), tmp_path / "x.dcm")
    dataset = pydicom.dcmread(tmp_path / "x.dcm")
    for keyword in ("PositionerPrimaryAngle", "DistanceSourceToPatient", "ShutterShape", "CollimatorShape",
                    "PatientOrientation", "IsocenterPosition", "DetectorActiveOrigin"):
        assert keyword not in dataset


def test_patient_orientation_of_the_usual_display():
    assert orientation_letters(np.array([-1, 0.1, 0])) == "L"
    assert orientation_letters(np.array([0, 0.2, -0.9])) == "F"
    assert orientation_letters(np.array([-0.8, 0.6, 0.05])) == "LA"


@pytest.mark.parametrize("flipped", [False, True])
def test_truth_is_the_camera(ct, tmp_path, flipped):
    view = camera(flipped=flipped)
    simulated = simulate_xray(ct, view, replace(IDEAL, metal=(Rod((0, 0, 0), (9, 9, 9), 1.0),)))
    write_truth({"x.dcm": simulated}, tmp_path / "x_truth.json", "block")
    truth = read_truth(tmp_path / "x_truth.json", "x")
    np.testing.assert_allclose(truth.camera.ras_from_camera, view.ras_from_camera, atol=1e-9)
    assert truth.camera.intrinsics.flipped == flipped
    np.testing.assert_allclose(truth.camera.intrinsics.principal_point_px, view.intrinsics.principal_point_px)
    np.testing.assert_allclose(truth.camera.project(truth.points_ras)[0], truth.uv, atol=1e-9)
    assert len(truth.names) == 12
    assert truth.in_image.all()
    assert evaluate(view, truth).mtre_mm == pytest.approx(0, abs=1e-9)


def test_truth_holds_every_name_of_the_practice_schema_that_this_project_reads(ct, tmp_path, shared_data):
    simulated = simulate_xray(ct, camera(), IDEAL)
    write_truth({"x.dcm": simulated}, tmp_path / "x_truth.json", "block")
    ours = json.loads((tmp_path / "x_truth.json").read_text())
    theirs = json.loads((shared_data / "xrays" / "rtk_chest_truth.json").read_text())
    assert set(theirs) == set(ours)
    left_out = {"isocentre_lps", "source_lps", "detector_pixel00_centre_lps", "u_axis_lps", "v_axis_lps", "u_axis_ras",
                "v_axis_ras", "beam_axis_source_to_detector_lps", "detector_outer_corners_lps",
                "detector_outer_corners_ras", "patient_tilt_deg_about_x_z_not_in_dicom"}
    assert set(theirs["images"][0]) - set(ours["images"][0]) == left_out
    assert set(theirs["images"][0]["landmarks"][0]) == set(ours["images"][0]["landmarks"][0])


def test_landmarks_lie_in_bone_within_the_field(ct):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, collimator=Collimator("circle", (0.5, 0.5))))
    ijk = np.rint(rigid.apply(np.linalg.inv(ct.ras_from_ijk), list(simulated.landmarks.values()))).astype(int)
    assert (ct.values[ijk[:, 2], ijk[:, 1], ijk[:, 0]] == 1000).all()
    column, row = np.rint(camera().project(list(simulated.landmarks.values()))[0]).astype(int).T
    assert simulated.open_field[row, column].all()


@pytest.mark.parametrize("anatomy", ANATOMIES)
def test_anatomies_hold_what_they_say(ct, anatomy):
    parts = densities(ct, TissueModel(anatomy))
    ball, water, air = (16, 20, 24), (16, 30, 20), (0, 0, 0)
    assert parts.bone.values[air] == parts.water.values[air] == parts.bone.values[water] == 0
    assert (parts.water.values[water] > 0) == (anatomy in ("tissue", "skin_and_bone_mesh"))
    assert (parts.bone.values[ball] > 0) == (anatomy != "bone_shell")
    assert parts.bone.values.max() > 0


def test_settings_from_a_recipe():
    recipe = {"seed": 3, "scatter": {"to_primary": 2}, "collimator": {"kind": "circle", "size": [0.5, 0.5]},
              "header": {"positioner": {"primary_deg": 5}, "sdd_mm": None},
              "metal": [{"start_ras": [0, 0, 0], "end_ras": [1, 2, 3], "radius_mm": 1}]}
    assert settings_from_dict(json.loads(json.dumps(recipe))) == SimulationSettings(
        seed=3, scatter=Scatter(2.0), collimator=Collimator("circle", (0.5, 0.5)), header=Header(Positioner(5.0)),
        metal=(Rod((0.0, 0.0, 0.0), (1.0, 2.0, 3.0), 1.0),))


@pytest.mark.parametrize(("recipe", "word"), [
    ({"sctter": {}}, "sctter"), ({"scatter": {"primary": 1}}, "primary"), ({"scatter": 3}, "3"),
    ({"encoding": {"kind": "LINEAR"}}, "LINEAR"), ({"encoding": {"bits": 7}}, "bits"), ({"seed": "x"}, "'x'"),
    ({"collimator": {"kind": "square"}}, "square"), ({"tissue": {"anatomy": "ghost"}}, "ghost"),
    ({"beam": {"fluence": [1, 2]}}, "shares"), ({"beam": {"heel": float("nan")}}, "heel"), ({"seed": -1}, "seed"),
    ({"detector": {"photons": 0}}, "photons"), ({"detector": {"blur_mm": -1}}, "blur"),
    ({"detector": {"supersampling": 0}}, "supersampling"), ({"scatter": {"to_primary": -1}}, "Scatter"),
    ({"scatter": {"width_mm": 0}}, "0 mm"), ({"collimator": {"size": [0.5, 0]}}, "sides above 0")])
def test_bad_recipes_are_named(recipe, word):
    with pytest.raises(InputError, match=word) as caught:
        settings_from_dict(recipe)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_simulated_is_refused(ct):
    with pytest.raises(InputError, match="not HU"):
        simulate_xray(ct.with_values(ct.values, "MR"), camera())
    away = Camera(camera().intrinsics, camera_pose(0, 0, 700, CENTER + [5000, 0, 0]))
    with pytest.raises(InputError, match="misses"):
        simulate_xray(ct, away)
    with pytest.raises(InputError, match="tissue model"):
        simulate_xray(prepare_phantom(ct), camera(), SimulationSettings(TissueModel("bone")))
