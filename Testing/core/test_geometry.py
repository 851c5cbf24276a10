"""Frames, cameras and C-arm angles: the laws that catch the classic errors of this field."""

import numpy as np
import pytest

from xvrcore import positioner, rigid
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.errors import InputError


def random_camera(rng, flipped=None) -> Camera:
    """Any pose, non-square pixels and image, the principal point off-center."""
    intrinsics = Intrinsics(rng.uniform(600, 1400), tuple(rng.uniform(0.1, 1, 2)), tuple(rng.uniform(50, 400, 2)),
                            int(rng.integers(100, 600)), int(rng.integers(100, 600)),
                            bool(rng.integers(2)) if flipped is None else flipped)
    pose = positioner.camera_pose(*rng.uniform(-180, 180, 2), rng.uniform(400, 900), rng.uniform(-200, 200, 3),
                                  rng.uniform(-180, 180))
    return Camera(intrinsics, pose)


def test_isocenter_projects_to_the_principal_point(rng):
    isocenter = rng.uniform(-100, 100, 3)
    intrinsics = Intrinsics(1100, (0.3, 0.4), (201.5, 133.25), 300, 400)
    for primary, secondary, roll in rng.uniform(-180, 180, (20, 3)):
        camera = Camera(intrinsics, positioner.camera_pose(primary, secondary, 750, isocenter, roll))
        uv, depth = camera.project(isocenter)
        np.testing.assert_allclose(uv, intrinsics.principal_point_px, atol=1e-9)
        assert depth == pytest.approx(750)


def test_under_couch_shot_shows_patient_left_at_image_right_and_head_up():
    intrinsics = Intrinsics(1000, (0.5, 0.5), image_center_px(400, 400), 400, 400, flipped=True)
    camera = Camera(intrinsics, positioner.camera_pose(0, 0, 700, [0, 0, 0]))
    (middle, left, head), _ = camera.project([[0, 0, 0], [-50, 0, 0], [0, 0, 50]])
    assert left[0] > middle[0]
    assert left[1] == pytest.approx(middle[1])
    assert head[1] < middle[1]
    assert camera.source_ras[1] < 0, "the source of an under-couch tube is posterior"


@pytest.mark.parametrize(("primary", "secondary", "axis", "sign"), [(30, 0, 0, -1), (-30, 0, 0, 1), (0, 20, 2, 1)])
def test_positive_angles_move_the_detector_to_left_and_head(primary, secondary, axis, sign):
    pose = positioner.camera_pose(primary, secondary, 700, [0, 0, 0])
    detector = pose[:3, 3] + 1000 * pose[:3, 2]
    assert np.sign(detector[axis]) == sign


def test_angles_are_found_again_in_a_pose(rng):
    for primary, secondary, roll in rng.uniform([-179, -85, -179], [179, 85, 179], (50, 3)):
        found = positioner.angles_of(positioner.camera_pose(primary, secondary, 700, [1, 2, 3], roll))
        np.testing.assert_allclose(found, [primary, secondary, roll], atol=1e-6)


def test_antipode_looks_from_the_other_side_and_back(rng):
    camera, center = random_camera(rng), rng.uniform(-50, 50, 3)
    other = positioner.antipode(camera.ras_from_camera, center)
    np.testing.assert_allclose(other[:3, 2] @ camera.ras_from_camera[:3, 1], 0, atol=1e-12)
    assert rigid.rotation_angle_deg(other, camera.ras_from_camera) == pytest.approx(180)
    np.testing.assert_allclose(positioner.antipode(other, center), camera.ras_from_camera, atol=1e-9)


def test_detector_point_of_a_pixel_projects_back_to_it(rng):
    for _ in range(20):
        camera = random_camera(rng)
        uv = rng.uniform(-10, 600, (30, 2))
        found, depth = camera.project(camera.detector_ras(uv[:, 0], uv[:, 1]))
        np.testing.assert_allclose(found, uv, atol=1e-6)
        np.testing.assert_allclose(depth, camera.intrinsics.sdd_mm)


def test_projection_matrix_agrees_with_project(rng):
    camera, points = random_camera(rng), rng.uniform(-150, 150, (40, 3))
    scaled = np.c_[points, np.ones(40)] @ camera.projection_ras.T
    uv, depth = camera.project(points)
    np.testing.assert_allclose(scaled[:, 2], depth)
    in_front = depth > 0
    np.testing.assert_allclose((scaled[:, :2] / scaled[:, 2:])[in_front], uv[in_front])
    assert np.isnan(uv[~in_front]).all()


def test_xray_as_a_volume_stands_on_the_detector_with_positive_determinant(rng):
    for flipped in (False, True):
        camera = random_camera(rng, flipped)
        rows, cols = camera.intrinsics.rows, camera.intrinsics.cols
        corners = np.array([[0, 0, 0], [cols - 1, 0, 0], [0, rows - 1, 0], [cols - 1, rows - 1, 0]])
        uv, _ = camera.project(rigid.apply(camera.ras_from_ijk, corners))
        np.testing.assert_allclose(uv, corners[:, :2], atol=1e-6)
        assert np.linalg.det(camera.ras_from_ijk[:3, :3]) > 0


def test_halving_an_image_keeps_projections_in_mm(rng):
    camera, points = random_camera(rng), rng.uniform(-50, 50, (10, 3))
    half = Camera(camera.intrinsics.region(0.5, 0.5, 2, camera.intrinsics.rows // 2, camera.intrinsics.cols // 2),
                  camera.ras_from_camera)
    np.testing.assert_allclose(2 * half.project(points)[0] + 0.5, camera.project(points)[0])


def test_mirrored_reading_keeps_the_pose_proper_and_mirrors_about_the_principal_point(rng):
    camera, points = random_camera(rng), rng.uniform(-50, 50, (10, 3))
    mirrored = Camera(camera.intrinsics.mirrored(), camera.ras_from_camera)
    (u, v), (mu, mv) = camera.project(points)[0].T, mirrored.project(points)[0].T
    np.testing.assert_allclose(u + mu, 2 * camera.intrinsics.principal_point_px[0])
    np.testing.assert_allclose(v, mv)


def test_twist_turns_about_its_center(rng):
    center, twist = rng.uniform(-100, 100, 3), np.r_[rng.uniform(-1, 1, 3), 0, 0, 0]
    np.testing.assert_allclose(rigid.apply(rigid.twist_motion(twist, center), center), center, atol=1e-9)
    assert rigid.rotation_angle_deg(rigid.twist_motion(twist, center), np.eye(4)) == pytest.approx(
        np.rad2deg(np.linalg.norm(twist[:3])))


def test_inverse_undoes(rng):
    poses = np.stack([random_camera(rng).ras_from_camera for _ in range(5)])
    np.testing.assert_allclose(rigid.inverse(poses) @ poses, np.tile(np.eye(4), (5, 1, 1)), atol=1e-9)


@pytest.mark.parametrize(("matrix", "word"), [
    (np.diag([-1, 1, 1, 1.0]), "mirrors"), (np.diag([2, 2, 2, 1.0]), "rigid"), (np.eye(3), "4x4"),
    (np.full((4, 4), np.nan), "finite"), (np.array([[1, .1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "rigid"),
])
def test_poses_that_are_not_rigid_are_refused(matrix, word):
    with pytest.raises(InputError, match=word):
        rigid.require_rigid(matrix, "pose")


@pytest.mark.parametrize("wrong", [{"sdd_mm": 0}, {"sdd_mm": np.nan}, {"spacing_mm": (0.5, -0.5)}, {"rows": 1}])
def test_impossible_intrinsics_are_refused(wrong):
    values = {"sdd_mm": 1000, "spacing_mm": (0.5, 0.5), "principal_point_px": (50, 50), "rows": 100, "cols": 100}
    with pytest.raises(InputError):
        Intrinsics(**{**values, **wrong})
