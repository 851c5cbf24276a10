"""Registration errors: known displacements give known figures."""

import json
from dataclasses import replace

import numpy as np
import pytest

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.evaluation import evaluate
from xvrcore.positioner import camera_pose
from xvrcore.truth import Truth


def make_truth(flipped=False, seed=0, flat=False) -> Truth:
    """Twenty landmarks about the isocenter, the last five outside the image; all at one depth if ``flat``."""
    rng = np.random.default_rng(seed)
    camera = Camera(Intrinsics(1000, (0.4, 0.3), (260, 190), 400, 520, flipped),
                    camera_pose(20, -10, 700, [5, 10, 15], roll_deg=3))
    in_camera = np.c_[rng.uniform(-40, 40, (20, 2)), np.full(20, 650.0) if flat else rng.uniform(600, 750, 20)]
    in_camera[15:, 0] = 300
    points = rigid.apply(camera.ras_from_camera, in_camera)
    uv, depth = camera.project(points)
    inside = (uv >= 0).all(1) & (uv <= [519, 399]).all(1)
    return Truth("test", camera, tuple(f"point {n}" for n in range(20)), points, uv, depth, inside, inside)


def moved(camera: Camera, shift_in_camera) -> Camera:
    """The camera displaced along its own axes, so that the patient seems to shift the other way."""
    pose = camera.ras_from_camera.copy()
    pose[:3, 3] += pose[:3, :3] @ np.asarray(shift_in_camera, float)
    return Camera(camera.intrinsics, pose)


@pytest.mark.parametrize("flipped", [False, True])
def test_truth_against_itself_is_zero(flipped):
    truth = make_truth(flipped)
    result = evaluate(truth.camera, truth)
    figures = (result.mrpd_mm, result.mpd_mm, result.mtre_mm, result.mtre_in_plane_mm, result.mtre_depth_mm,
               result.rotation_deg)
    np.testing.assert_allclose(figures, 0, atol=1e-9)
    assert result.success()
    assert len(result.names) == len(result.rpd_mm) == len(result.tre_mm) == 15


@pytest.mark.parametrize("flipped", [False, True])
def test_shift_parallel_to_the_detector_is_its_own_mrpd(flipped):
    truth = make_truth(flipped)
    result = evaluate(moved(truth.camera, [0.6, 0.8, 0]), truth)
    np.testing.assert_allclose([result.mrpd_mm, result.mtre_mm, result.mtre_in_plane_mm], 1, atol=1e-9)
    np.testing.assert_allclose([result.mtre_depth_mm, result.rotation_deg], 0, atol=1e-9)
    np.testing.assert_allclose(result.rpd_mm, 1, atol=1e-9)


def test_mpd_is_magnified():
    truth = make_truth(flat=True)
    result = evaluate(moved(truth.camera, [1, 0, 0]), truth)
    assert result.mpd_mm == pytest.approx(1000 / 650)


def test_shift_along_the_beam_is_depth_error_that_mrpd_hardly_sees():
    truth = make_truth()
    result = evaluate(moved(truth.camera, [0, 0, 10]), truth)
    assert result.mtre_depth_mm == pytest.approx(10)
    assert result.mtre_in_plane_mm == pytest.approx(0, abs=1e-9)
    assert 0 < result.mrpd_mm < 1


def test_wrong_principal_point_costs_in_plane_mtre_alone():
    truth = make_truth(flat=True)
    intrinsics = truth.camera.intrinsics
    offset_px = 8
    wrong = Camera(replace(intrinsics, principal_point_px=(intrinsics.principal_point_px[0] + offset_px,
                                                           intrinsics.principal_point_px[1])),
                   truth.camera.ras_from_camera)
    shift_mm = offset_px * intrinsics.spacing_mm[1] * 650 / 1000
    result = evaluate(moved(wrong, [shift_mm, 0, 0]), truth)
    assert result.mrpd_mm == pytest.approx(0, abs=1e-9)
    assert result.mtre_in_plane_mm == pytest.approx(shift_mm)
    assert result.mtre_depth_mm == pytest.approx(0, abs=1e-9)


def test_rotation_error_is_the_angle():
    truth = make_truth()
    turn = rigid.twist_motion(np.r_[np.deg2rad([1.2, -0.5, 0.7]), 0, 0, 0], truth.points_ras.mean(0))
    result = evaluate(Camera(truth.camera.intrinsics, turn @ truth.camera.ras_from_camera), truth)
    assert result.rotation_deg == pytest.approx(np.linalg.norm([1.2, -0.5, 0.7]))


def test_wrong_mirror_is_an_error():
    truth = make_truth()
    result = evaluate(Camera(truth.camera.intrinsics.mirrored(), truth.camera.ras_from_camera), truth)
    assert result.mrpd_mm > 10
    assert result.mtre_mm > 10
    assert not result.success()


def test_landmark_behind_the_source_is_infinitely_wrong_and_json_survives():
    truth = make_truth()
    result = evaluate(moved(truth.camera, [0, 0, 5000]), truth)
    assert np.isinf(result.mrpd_mm)
    assert not result.success()
    json.dumps(result.as_dict(), allow_nan=False)


def test_no_landmark_in_the_image_is_refused():
    truth = make_truth()
    with pytest.raises(InputError, match="no landmark inside"):
        evaluate(truth.camera, replace(truth, in_image=np.zeros(20, bool)))
