"""Simulated X-rays on disk: what the DICOM file tells and keeps to itself, and that the truth is the camera."""

import json
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from water_block import camera, water_block

from xvrcore.evaluation import evaluate
from xvrcore.positioner import Positioner
from xvrcore.simulate import (
    IDEAL,
    Collimator,
    Encoding,
    Header,
    Rod,
    SimulationSettings,
    simulate_xray,
    write_dicom,
    write_truth,
)
from xvrcore.simulate.dicom_writer import orientation_letters
from xvrcore.truth import read_truth


@pytest.fixture(scope="module")
def ct():
    return water_block()


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
