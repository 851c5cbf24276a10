"""The sample X-rays shipped with the repository agree with their truth and with their landmarks."""

import json
from pathlib import Path

import numpy as np
import pydicom

from xvrcore.landmarks import match, read_pixels, read_points
from xvrcore.pnp import pose_from_landmarks
from xvrcore.truth import read_truths
from xvrcore.xray_io import read_radiograph

SAMPLES = Path(__file__).parents[2] / "Resources" / "SampleXrays"
TRUTHS = read_truths(SAMPLES / "chest_truth.json")


def test_samples_are_few_and_small():
    assert {truth.dicom.name for truth in TRUTHS} == {path.name for path in SAMPLES.glob("*.dcm")}
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) < 3e6


def test_headers_agree_with_the_truth_but_do_not_tell_it_all():
    for truth in TRUTHS:
        dataset, intrinsics = pydicom.dcmread(truth.dicom), truth.camera.intrinsics
        assert dataset.pixel_array.shape[-2:] == (intrinsics.rows, intrinsics.cols)
        assert float(dataset.DistanceSourceToDetector) == intrinsics.sdd_mm
        np.testing.assert_allclose(list(dataset.ImagerPixelSpacing), intrinsics.spacing_mm)
        assert "IsocenterPosition" not in dataset


def test_samples_are_read_with_their_true_geometry():
    for truth in TRUTHS:
        readings = read_radiograph(truth.dicom).readings
        assert readings[0].intrinsics == truth.camera.intrinsics
        true_polarity = -1 if "INV" in _record(truth.image)["encoding"]["kind"] else 1
        assert true_polarity in {reading.polarity for reading in readings}


def test_truth_projects_its_landmarks():
    for truth in TRUTHS:
        np.testing.assert_allclose(truth.camera.project(truth.points_ras)[0], truth.uv, atol=1e-6)
        assert truth.in_field.sum() >= 6


def test_clicked_landmarks_give_the_pose():
    points = read_points(SAMPLES / "chest_landmarks_3d.mrk.json")
    for truth in TRUTHS:
        pairs = match(points, read_pixels(SAMPLES / "chest_landmarks_2d.json", truth.image))
        found = pose_from_landmarks(pairs.points_ras, pairs.pixels, truth.camera.intrinsics, names=pairs.names)
        assert found.rms_px < 5
        shift = np.linalg.norm(found.ras_from_camera[:3, 3] - truth.camera.source_ras)
        assert shift < 60


def _record(image: str) -> dict:
    records = json.loads((SAMPLES / "chest_truth.json").read_text())["images"]
    return next(one for one in records if one["image"] == image)
