"""Truth files: the camera they describe puts every landmark where they say."""

import json

import numpy as np
import pytest

from xvrcore.errors import InputError
from xvrcore.truth import camera_from_projection, read_truth, read_truths

PRACTICE = ("plastimatch_chest", "rtk_chest", "rtk_pelvis")


@pytest.mark.parametrize("name", PRACTICE)
def test_practice_landmarks_are_reproduced(shared_data, name):
    truths = read_truths(shared_data / "xrays" / f"{name}_truth.json")
    for truth in truths:
        uv, depth = truth.camera.project(truth.points_ras)
        np.testing.assert_allclose(uv, truth.uv, atol=0.05)
        np.testing.assert_allclose(depth, truth.depth_mm, atol=0.01)
        inside = ((uv > -0.5) & (uv < [truth.camera.intrinsics.cols - 0.5, truth.camera.intrinsics.rows - 0.5])).all(1)
        assert (inside == truth.in_image).all()
        assert truth.dicom.is_file()


def test_practice_holds_ten_images_of_both_mirrors(shared_data):
    truths = [truth for name in PRACTICE for truth in read_truths(shared_data / "xrays" / f"{name}_truth.json")]
    assert len({truth.image for truth in truths}) == 10
    assert {truth.camera.intrinsics.flipped for truth in truths} == {True, False}


def test_source_and_detector_corner_are_reproduced(shared_data):
    for name in PRACTICE:
        path = shared_data / "xrays" / f"{name}_truth.json"
        for truth, record in zip(read_truths(path), json.loads(path.read_text())["images"], strict=True):
            np.testing.assert_allclose(truth.camera.source_ras, record["source_ras"], atol=1e-6)
            np.testing.assert_allclose(truth.camera.detector_ras(0, 0), record["detector_pixel00_centre_ras"],
                                       atol=1e-6)


@pytest.mark.parametrize("mirror", [1, -1])
def test_projection_matrix_round_trip(mirror):
    rng = np.random.default_rng(7)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation)) * mirror
    calibration = np.array([[1000 / 0.3, 0, 260], [0, 1000 / 0.4, 200], [0, 0, 1]])
    projection = calibration @ np.c_[rotation, [10, -20, 700]]
    camera = camera_from_projection(projection, calibration, 1000, 400, 520)
    assert camera.intrinsics.flipped == (mirror < 0)
    np.testing.assert_allclose(camera.projection_ras, projection, atol=1e-8)
    np.testing.assert_allclose(camera.intrinsics.spacing_mm, (0.4, 0.3))


def test_a_single_record_is_a_file_too(tmp_path, shared_data):
    records = json.loads((shared_data / "xrays" / "rtk_pelvis_truth.json").read_text())["images"]
    (tmp_path / "one.json").write_text(json.dumps(records[1]))
    assert read_truth(tmp_path / "one.json").image == "rtk_pelvis_01"


@pytest.mark.parametrize(("content", "word"), [
    ("not json", "JSON"), ("{}", "P_ras"), ("[]", "no image"), ('{"images": [{"image": "a"}]}', "P_ras"),
    ('{"images": [{"P_ras": 3, "K": 4, "sdd_mm": 5, "rows": 2, "cols": 2}]}', "truth.json"),
    ('{"images": [7]}', "wrong kind")])
def test_bad_files_are_named(tmp_path, content, word):
    path = tmp_path / "truth.json"
    path.write_text(content)
    with pytest.raises(InputError, match=word) as caught:
        read_truths(path)
    assert "truth.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_unknown_image(tmp_path, shared_data):
    with pytest.raises(InputError, match="cannot read"):
        read_truth(tmp_path / "none.json")
    path = shared_data / "xrays" / "rtk_pelvis_truth.json"
    with pytest.raises(InputError, match="rtk_pelvis_00, rtk_pelvis_01"):
        read_truth(path)
    with pytest.raises(InputError, match="'nobody'"):
        read_truth(path, "nobody")
