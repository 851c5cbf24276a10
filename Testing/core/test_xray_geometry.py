"""The geometry of an X-ray: which tag wins, what is derived, and which way round the picture lies."""

import json

import numpy as np
import pytest
from xray_files import intensities, write_xray

from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.positioner import camera_pose
from xvrcore.xray_io import XrayOptions, blank_xray, flip_for, read_radiograph, roll_for

ROWS, COLS = 48, 64


@pytest.fixture
def read(tmp_path):
    """Reads a file with the standard geometry but for the given tags."""
    def reader(options=None, **tags):
        path = write_xray(tmp_path / "x.dcm", intensities((ROWS, COLS)), bits=12, **tags)
        return read_radiograph(path, options)
    return reader


def spacing(radiograph):
    return radiograph.readings[0].intrinsics.spacing_mm, radiograph.origins["pixel_spacing_mm"].source


def test_complete_header_is_taken_as_it_is(read):
    radiograph = read()
    reading, = radiograph.readings
    assert reading.intrinsics.sdd_mm == 1000
    assert reading.intrinsics.spacing_mm == (0.5, 0.25)
    assert reading.intrinsics.principal_point_px == ((COLS - 1) / 2, (ROWS - 1) / 2)
    assert (reading.positioner.primary_deg, reading.positioner.secondary_deg) == (10, -5)
    assert reading.positioner.source_isocenter_mm == 700
    sources = {name: origin.source for name, origin in radiograph.origins.items()}
    assert sources == {"sdd_mm": "dicom", "source_isocenter_mm": "dicom", "pixel_spacing_mm": "dicom",
                       "primary_deg": "dicom", "secondary_deg": "dicom", "patient_orientation": "dicom",
                       "principal_point_px": "assumed", "flip": "derived", "polarity": "dicom", "encoding": "dicom",
                       "field": "image"}


def test_options_outrank_the_header(read):
    options = XrayOptions(sdd_mm=1200, pixel_spacing_mm=(0.3, 0.4), principal_point_px=(10, 20), flip=False,
                          source_isocenter_mm=800, primary_deg=90, secondary_deg=1)
    radiograph = read(options)
    reading, = radiograph.readings
    intrinsics, positioner = reading.intrinsics, reading.positioner
    assert (intrinsics.sdd_mm, intrinsics.spacing_mm, intrinsics.principal_point_px, intrinsics.flipped) \
        == (1200, (0.3, 0.4), (10, 20), False)
    assert (positioner.primary_deg, positioner.secondary_deg, positioner.source_isocenter_mm) == (90, 1, 800)
    assert {radiograph.origins[n].source for n in vars(options) if n != "polarity"} == {"user"}


def test_a_stated_spacing_heals_a_header_without_a_usable_one(read):
    radiograph = read(XrayOptions(pixel_spacing_mm=(0.2, 0.2)), ImagerPixelSpacing=[0, 0])
    assert spacing(radiograph) == ((0.2, 0.2), "user")


def test_detector_spacing_comes_before_patient_spacing(read):
    assert spacing(read(PixelSpacing=[0.1, 0.1])) == ((0.5, 0.25), "dicom")


def test_calibrated_patient_spacing_is_magnified(read):
    found, source = spacing(read(ImagerPixelSpacing=None, PixelSpacing=[0.7, 0.35],
                                 PixelSpacingCalibrationType="GEOMETRY"))
    np.testing.assert_allclose(found, (1.0, 0.5))
    assert source == "derived"


def test_uncalibrated_patient_spacing_is_said_to_be_assumed(read):
    assert spacing(read(ImagerPixelSpacing=None, PixelSpacing=[0.7, 0.35])) == ((0.7, 0.35), "assumed")


def test_calibrated_spacing_without_magnification_is_not_used(read):
    with pytest.raises(InputError, match="--pixel-spacing-mm"):
        read(ImagerPixelSpacing=None, PixelSpacing=[0.7, 0.35], PixelSpacingCalibrationType="FIDUCIAL",
             DistanceSourceToPatient=None)


@pytest.mark.parametrize(("tags", "expected"), [
    ({"IntensifierSize": 230}, (230 / COLS, 230 / COLS)),
    ({"IntensifierSize": 230, "PixelAspectRatio": [2, 1]}, (2 * 230 / COLS, 230 / COLS)),
    ({"FieldOfViewDimensions": [96, 192]}, (96 / ROWS, 192 / COLS)),
    ({"FieldOfViewDimensions": [200]}, (200 / COLS, 200 / COLS)),
    ({"DetectorElementSpacing": [0.15, 0.15], "DetectorBinning": [2, 2]}, (0.3, 0.3)),
])
def test_spacing_is_derived_from_the_field_of_view_or_the_elements(read, tags, expected):
    found, source = spacing(read(ImagerPixelSpacing=None, **tags))
    np.testing.assert_allclose(found, expected)
    assert source == "derived"


def test_magnification_stands_in_for_a_missing_distance(read):
    radiograph = read(DistanceSourceToPatient=None, EstimatedRadiographicMagnificationFactor=1.25)
    assert radiograph.readings[0].positioner.source_isocenter_mm == pytest.approx(800)
    assert radiograph.origins["source_isocenter_mm"].source == "derived"
    radiograph = read(DistanceSourceToDetector=None, EstimatedRadiographicMagnificationFactor=1.5)
    assert radiograph.readings[0].intrinsics.sdd_mm == pytest.approx(1050)


def test_missing_isocenter_distance_stays_unknown(read):
    radiograph = read(DistanceSourceToPatient=None)
    assert radiograph.readings[0].positioner.source_isocenter_mm is None
    assert "source_isocenter_mm" not in radiograph.origins


def test_a_patient_behind_a_stated_detector_is_refused_where_a_person_put_it_there(read):
    assert read(XrayOptions(sdd_mm=650)).readings[0].positioner.source_isocenter_mm is None
    for stated in (XrayOptions(source_isocenter_mm=1200), XrayOptions(sdd_mm=650, source_isocenter_mm=650)):
        with pytest.raises(InputError, match="between source and detector"):
            read(stated)
    with pytest.raises(InputError, match="between source and detector"):
        blank_xray(XrayOptions(sdd_mm=1000, pixel_spacing_mm=(1, 1), source_isocenter_mm=1001), 64, 64)


def test_a_patient_behind_the_detector_is_not_believed(read):
    radiograph = read(DistanceSourceToPatient=1200)
    assert radiograph.readings[0].positioner.source_isocenter_mm is None
    magnified = read(DistanceSourceToPatient=1200, EstimatedRadiographicMagnificationFactor=1.25)
    assert magnified.readings[0].positioner.source_isocenter_mm == pytest.approx(800)


def test_moving_positioner_adds_the_frame_s_increment(tmp_path):
    frames = np.stack([intensities()] * 3)
    path = write_xray(tmp_path / "x.dcm", frames, bits=12, PositionerMotion="DYNAMIC",
                      PositionerPrimaryAngleIncrement=[0, 1.5, 3], PositionerSecondaryAngleIncrement=[0, -1, -2])
    positioner = read_radiograph(path, frame="2").readings[0].positioner
    assert (positioner.primary_deg, positioner.secondary_deg) == (13, -7)


@pytest.mark.parametrize(("view", "angles"), [("PA", (0, 0)), ("AP", (180, 0)), ("LL", (90, 0)), ("RL", (-90, 0))])
def test_view_position_stands_in_for_angles(read, view, angles):
    radiograph = read(PositionerPrimaryAngle=None, PositionerSecondaryAngle=None, ViewPosition=view)
    positioner = radiograph.readings[0].positioner
    assert (positioner.primary_deg, positioner.secondary_deg) == angles
    assert radiograph.origins["primary_deg"].source == "derived"


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["NO", "YES"])
def test_isocenter_projection_is_found_in_the_cropped_turned_and_flipped_image(read, turn, flip):
    detector = np.zeros((200, 300))
    detector[90, 120] = 1
    rows, cols = (ROWS, COLS) if turn in (0, 180) else (COLS, ROWS)
    stored = np.rot90(detector[70:70 + rows, 100:100 + cols], -turn // 90)
    stored = stored[:, ::-1] if flip == "YES" else stored
    v, u = np.argwhere(stored)[0]
    radiograph = read(PositionOfIsocenterProjection=[90, 120], FieldOfViewOrigin=[70, 100],
                      FieldOfViewRotation=turn, FieldOfViewHorizontalFlip=flip)
    assert stored.shape == (ROWS, COLS)
    assert radiograph.readings[0].intrinsics.principal_point_px == (u, v)
    assert radiograph.origins["principal_point_px"].source == "derived"


# ---------------------------------------------------------------- flip and roll

DIRECTIONS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


@pytest.mark.parametrize(("primary", "orientation"), [
    (0, ("L", "F")), (0, ("R", "F")), (0, ("L", "H")), (0, ("R", "H")), (0, ("F", "L")), (0, ("H", "R")),
    (180, ("L", "F")), (180, ("R", "F")), (180, ("F", "R")), (90, ("A", "F")), (90, ("P", "F")), (-90, ("A", "H")),
    (-90, ("P", "F")), (25, ("L", "F")), (-160, ("LP", "FR")),
])
def test_flip_and_roll_make_pixels_run_along_the_stated_directions(primary, orientation):
    roll, flip = roll_for(primary, 8, orientation), flip_for(primary, 8, orientation)
    pose = camera_pose(primary, 8, 700, (0, 0, 0), roll)
    camera = Camera(Intrinsics(1000, (0.5, 0.5), (50, 50), 100, 100, flip), pose)
    center = camera.project(np.zeros(3))[0]
    for axis, letters in enumerate(orientation):
        moved = camera.project(20 * np.array(DIRECTIONS[letters[0]], float))[0] - center
        assert moved[axis] > 0
        assert abs(moved[axis]) > abs(moved[1 - axis])


def test_orientation_along_the_beam_decides_nothing():
    assert flip_for(90, 0, ("L", "F")) is None
    assert flip_for(0, 0, ("", "F")) is None


@pytest.mark.parametrize(("orientation", "flipped"), [(["L", "F"], True), (["R", "F"], False)])
def test_orientation_and_angles_decide_the_flip(read, orientation, flipped):
    reading, = read(PatientOrientation=orientation).readings
    assert reading.intrinsics.flipped is flipped


def test_without_orientation_the_usual_display_comes_first_and_both_flips_stay_open(read):
    frontal = read(PatientOrientation=None)
    assert [r.intrinsics.flipped for r in frontal.readings] == [True, False]
    behind = read(PatientOrientation=None, PositionerPrimaryAngle=180)
    assert [r.intrinsics.flipped for r in behind.readings] == [False, True]
    assert frontal.origins["flip"].source == "assumed"


def test_without_angles_the_orientation_is_kept_and_both_flips_stay_open(read):
    radiograph = read(PositionerPrimaryAngle=None, PositionerSecondaryAngle=None)
    assert {r.intrinsics.flipped for r in radiograph.readings} == {True, False}
    assert radiograph.origins["patient_orientation"].value == ("L", "F")
    assert not radiograph.readings[0].positioner.has_angles


def test_practice_headers_give_the_true_flip_and_distances(shared_data):
    seen = 0
    for truth in sorted((shared_data / "xrays").glob("*_truth.json")):
        for image in json.loads(truth.read_text())["images"]:
            radiograph = read_radiograph(shared_data / "xrays" / image["files"]["dicom"])
            for reading in radiograph.readings:
                assert reading.intrinsics.flipped == (image["det_R"] < 0)
                assert reading.intrinsics.sdd_mm == pytest.approx(image["sdd_mm"])
                assert reading.positioner.source_isocenter_mm == pytest.approx(image["sid_mm"])
            seen += 1
    assert seen == 10


def test_philips_header_is_complete(shared_data):
    radiograph = read_radiograph(shared_data / "dicom" / "xa_philips_allura_j2k.dcm")
    intrinsics = radiograph.readings[0].intrinsics
    assert intrinsics.sdd_mm == 1194
    assert intrinsics.spacing_mm[0] == pytest.approx(0.370908203125)
    assert not radiograph.readings[0].mask[:116].any()
    assert not radiograph.readings[0].mask[909:].any()
