"""Poses from landmarks: exact where the data are, close where they are noisy, and never silent about wrong pairs."""

import numpy as np
import pytest

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.pnp import pose_from_landmarks
from xvrcore.positioner import camera_pose


def random_view(rng: np.random.Generator, count: int, *, flipped: bool = False, coplanar: bool = False):
    """A camera with non-square pixels and an off-center principal point, and points, off any line, that it sees."""
    intrinsics = Intrinsics(rng.uniform(800, 1300), (0.4, 0.5), (rng.uniform(0, 500), rng.uniform(0, 400)), 512, 640,
                            flipped)
    pose = camera_pose(rng.uniform(-180, 180), rng.uniform(-40, 40), 650, rng.uniform(-50, 50, 3), rng.uniform(-30, 30))
    middle = pose[:3, 3] + 600 * pose[:3, 2]
    points = middle + rng.uniform(-80, 80, (count, 3))
    if coplanar:
        normal = rng.normal(size=3)
        normal /= np.linalg.norm(normal)
        points -= np.outer((points - middle) @ normal, normal)
    if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] < 10:
        return random_view(rng, count, flipped=flipped, coplanar=coplanar)
    camera = Camera(intrinsics, pose)
    return camera, points, camera.project(points)[0]


def displacement_mm(pose, camera, points):
    """mTRE: how far the points are from where they should be, in the camera's frame."""
    return np.linalg.norm(rigid.apply(rigid.inverse(pose), points)
                          - rigid.apply(rigid.inverse(camera.ras_from_camera), points), axis=1).mean()


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("coplanar", [False, True])
@pytest.mark.parametrize("count", [4, 5, 9])
def test_exact_pairs_give_the_exact_pose(rng, count, coplanar, flipped):
    for _ in range(3):
        camera, points, pixels = random_view(rng, count, flipped=flipped, coplanar=coplanar)
        found = pose_from_landmarks(points, pixels, camera.intrinsics)
        assert displacement_mm(found.ras_from_camera, camera, points) < 1e-6
        assert np.linalg.det(found.ras_from_camera[:3, :3]) == pytest.approx(1)
        assert found.inliers.all()
        assert found.outliers == ()
        assert found.rms_px < 1e-6


def test_the_error_grows_in_proportion_to_the_noise():
    errors = []
    for noise_px in (0.1, 1.0):
        found = []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            camera, points, pixels = random_view(rng, 12)
            pixels = pixels + rng.normal(0, noise_px, pixels.shape)
            result = pose_from_landmarks(points, pixels, camera.intrinsics)
            found.append(displacement_mm(result.ras_from_camera, camera, points))
            assert result.rms_px < 1.5 * noise_px
        errors.append(np.median(found))
    assert errors[1] == pytest.approx(10 * errors[0], rel=0.2)
    assert errors[1] < 2


def with_wrong_pairs(rng, count, wrong):
    """A view with ``wrong`` pixels off by far more than a careful click; which they are."""
    camera, points, pixels = random_view(rng, count)
    bad = rng.choice(count, wrong, replace=False)
    pixels[bad] += rng.choice([-1, 1], (wrong, 2)) * rng.uniform(60, 150, (wrong, 2))
    return camera, points, pixels, bad


@pytest.mark.parametrize(("count", "wrong"), [(8, 2), (40, 12)])
def test_wrong_pairs_are_named_and_do_not_move_the_pose(rng, count, wrong):
    for _ in range(4):
        camera, points, pixels, bad = with_wrong_pairs(rng, count, wrong)
        names = [f"point {n}" for n in range(count)]
        found = pose_from_landmarks(points, pixels, camera.intrinsics, names=names)
        assert set(found.outliers) == {names[b] for b in bad}
        assert displacement_mm(found.ras_from_camera, camera, points) < 1e-3
        assert (found.reprojection_px[~found.inliers] > 12.5).all()


def test_a_wrong_one_of_five_pairs_is_named_unless_a_pose_explains_all_five(rng):
    """Five pairs are few: now and then a wrong pose lies within the tolerance of every one of them."""
    for _ in range(12):
        camera, points, pixels, bad = with_wrong_pairs(rng, 5, 1)
        found = pose_from_landmarks(points, pixels, camera.intrinsics)
        if found.outliers:
            assert found.outliers == (str(bad[0] + 1),)
            assert displacement_mm(found.ras_from_camera, camera, points) < 1e-3
        else:
            assert (found.reprojection_px <= 12.5).all()
            assert np.sum(found.reprojection_px ** 2) < 12.5 ** 2      # the true pose's cost: one outlier


def test_the_same_landmarks_give_the_same_pose():
    rng = np.random.default_rng(3)
    camera, points, pixels = random_view(rng, 40)
    pixels += rng.normal(0, 1, pixels.shape)
    first, second = (pose_from_landmarks(points, pixels, camera.intrinsics) for _ in range(2))
    np.testing.assert_array_equal(first.ras_from_camera, second.ras_from_camera)


def test_an_ambiguous_plane_keeps_the_true_pose_among_the_alternatives():
    """A small plane seen from afar looks nearly the same tilted either way."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        camera, _, _ = random_view(rng, 4)
        across = camera.ras_from_camera[:3, :3] @ np.array([[1, 0], [0, 1], [0.5, 0.2]])
        points = camera.source_ras + 700 * camera.ras_from_camera[:3, 2] + rng.uniform(-30, 30, (6, 2)) @ across.T
        pixels = camera.project(points)[0] + rng.normal(0, 1.5, (6, 2))
        found = pose_from_landmarks(points, pixels, camera.intrinsics)
        assert min(rigid.rotation_angle_deg(pose, camera.ras_from_camera)
                   for pose in (found.ras_from_camera, *found.alternatives)) < 12


def test_points_on_a_line_are_refused():
    camera, points, _ = random_view(np.random.default_rng(0), 5)
    points = points[0] + np.outer(np.linspace(0, 60, 5), points[1] - points[0]) / 60
    with pytest.raises(InputError, match="one line"):
        pose_from_landmarks(points, camera.project(points)[0], camera.intrinsics)


def test_three_pairs_are_refused():
    camera, points, pixels = random_view(np.random.default_rng(0), 3)
    with pytest.raises(InputError, match="at least 4"):
        pose_from_landmarks(points, pixels, camera.intrinsics)


def test_pairs_that_fit_no_pose_are_refused_with_their_errors():
    camera, points, pixels = random_view(np.random.default_rng(0), 6)
    with pytest.raises(InputError, match=r"contradict each other \(off by 1 \d+ px"):
        pose_from_landmarks(points, np.random.default_rng(1).permutation(pixels) * [1, 3], camera.intrinsics)


def test_a_mirrored_reading_of_scattered_landmarks_is_refused():
    camera, points, pixels = random_view(np.random.default_rng(2), 9)
    with pytest.raises(InputError, match="the flip"):
        pose_from_landmarks(points, pixels, camera.intrinsics.mirrored())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers_are_refused(value):
    camera, points, pixels = random_view(np.random.default_rng(0), 5)
    pixels[2, 1] = value
    with pytest.raises(InputError, match="not a number"):
        pose_from_landmarks(points, pixels, camera.intrinsics)


def test_unequal_numbers_of_points_and_pixels_are_refused():
    camera, points, pixels = random_view(np.random.default_rng(0), 5)
    with pytest.raises(InputError, match="as N points"):
        pose_from_landmarks(points, pixels[:4], camera.intrinsics)


def test_landmarks_of_the_practice_images_give_their_cameras(shared_data):
    from xvrcore.landmarks import match, read_pixels, read_points
    from xvrcore.truth import read_truth
    path = shared_data / "xrays" / "rtk_chest_truth.json"
    truth = read_truth(path, "rtk_chest_00")
    pairs = match(read_points(path), read_pixels(path, "rtk_chest_00"))
    found = pose_from_landmarks(pairs.points_ras, pairs.pixels, truth.camera.intrinsics)
    assert displacement_mm(found.ras_from_camera, truth.camera, pairs.points_ras) < 0.01
