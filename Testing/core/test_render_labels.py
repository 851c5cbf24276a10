"""Segments in perspective: shares that add up, and lengths against boxes whose chords are known."""

import numpy as np
import pytest
from scene import blobs, oblique_frame, random_camera

from xvrcore.errors import InputError
from xvrcore.render import make_projector
from xvrcore.render.labels import segment_hits, segment_integrals, segment_lengths
from xvrcore.volume import Volume

SUM_TOLERANCE = 3e-4
"""Relative difference between the sum of all contributions and the image (16-bit against float voxels)."""


def view(rng, volume):
    camera = random_camera(rng, volume.center_ras, rows=31, cols=40)
    return camera.ras_from_camera, camera.intrinsics.pixel_grid().reshape(-1, 3)


@pytest.mark.parametrize("own_grid", [False, True])
def test_contributions_add_up_to_the_image(rng, own_grid):
    volume = blobs(rng)
    frame, shape = volume.ras_from_ijk, volume.values.shape
    if own_grid:    # coarser, turned, and smaller than the CT: beyond it lies background
        frame, shape = oblique_frame(rng, (3.0, 2.0, 4.0)), (9, 14, 12)
        frame[:3, 3] += volume.center_ras - (frame @ [5.5, 6.5, 4.0, 1])[:3]
    labels = Volume(rng.integers(0, 4, shape).astype(np.float32), frame, "labels")
    pose, targets = view(rng, volume)
    shares = segment_integrals(volume, labels, [0, 1, 2, 3, 17], pose, targets)
    total = make_projector(volume, "joseph").integrals(pose[None], targets).values[0]
    np.testing.assert_allclose(shares.sum(axis=0), total, atol=SUM_TOLERANCE * total.max())
    assert (shares[:4].max(axis=1) > 0).all()
    assert not shares[4].any()
    np.testing.assert_array_equal(segment_integrals(volume, labels, [2], pose, targets)[0], shares[2])


def test_a_segment_contributes_what_its_voxels_alone_would(rng):
    volume = blobs(rng)
    values = np.zeros(volume.values.shape, np.float32)
    values[:, :, : values.shape[2] // 2] = 1     # a smooth phantom, cut through its middle
    labels = volume.with_values(values, "labels")
    pose, targets = view(rng, volume)
    share = segment_integrals(volume, labels, [1], pose, targets)[0]
    alone = volume.with_values(volume.values * values, "attenuation")
    expected = make_projector(alone, "joseph").integrals(pose[None], targets).values[0]
    assert np.linalg.norm(share - expected) < 0.2 * np.linalg.norm(expected)   # a cut seen edge on is blurred
    assert share.sum() == pytest.approx(expected.sum(), rel=0.02)


def test_lengths_in_a_full_map_are_the_chords_of_its_box(rng):
    volume = Volume(np.ones((14, 18, 22), np.float32), oblique_frame(rng, (2.0, 1.5, 3.0)), "labels")
    pose, targets = view(rng, volume)
    ijk_from_camera = np.linalg.inv(volume.ras_from_ijk) @ pose
    source, along = ijk_from_camera[:3, 3], targets @ ijk_from_camera[:3, :3].T
    first, second = (-0.5 - source) / along, (np.array([22, 18, 14]) - 0.5 - source) / along
    enter, leave = np.minimum(first, second).max(axis=1), np.maximum(first, second).min(axis=1)
    chords = np.clip(leave - enter, 0, None) * np.linalg.norm(targets, axis=1)
    np.testing.assert_allclose(segment_lengths(volume, [1], pose[None], targets)[0, 0], chords, atol=1e-3)
    np.testing.assert_array_equal(segment_hits(volume, [1], pose[None], targets)[0, 0], chords > 0)


def test_lengths_of_all_labels_partition_each_ray(rng):
    frame, shape = oblique_frame(rng, (2.0, 1.5, 3.0)), (14, 18, 22)
    labels = Volume(rng.integers(0, 5, shape).astype(np.float32), frame, "labels")
    full = Volume(np.ones(shape, np.float32), frame, "labels")
    pose, targets = view(rng, labels)
    parts = segment_lengths(labels, [0, 1, 2, 3, 4], pose[None], targets)[0]
    np.testing.assert_allclose(parts.sum(axis=0), segment_lengths(full, [1], pose[None], targets)[0, 0], atol=1e-3)


def test_a_single_voxel_is_hit_by_the_ray_to_it_and_by_no_far_ray(rng):
    values = np.zeros((14, 18, 22), np.float32)
    kji = tuple(rng.integers(2, 12, 3))
    values[kji] = 7
    labels = Volume(values, oblique_frame(rng, (2.0, 1.5, 3.0)), "labels")
    place = (labels.ras_from_ijk @ [*kji[::-1], 1])[:3]
    camera = random_camera(rng, place, rows=60, cols=80)
    uv, depth = camera.project(place)
    targets = camera.intrinsics.detector_points([uv[0]], [uv[1]])
    assert segment_hits(labels, [7], camera.ras_from_camera[None], targets).all()
    assert not segment_hits(labels, [3], camera.ras_from_camera[None], targets).any()
    grid = camera.intrinsics.pixel_grid().reshape(-1, 3)
    hits = segment_hits(labels, [7], camera.ras_from_camera[None], grid)[0, 0]
    distance_mm = np.linalg.norm(grid - camera.intrinsics.detector_points(*uv), axis=1) * depth / 1000
    assert hits.any()
    assert distance_mm[hits].max() <= np.linalg.norm(labels.spacing_mm) / 2 + 0.1


def test_a_batch_of_poses_is_its_members(rng):
    labels = Volume(rng.integers(0, 3, (9, 10, 11)).astype(np.float32), oblique_frame(rng, (4.0, 4.0, 5.0)), "labels")
    poses = np.stack([random_camera(rng, labels.center_ras).ras_from_camera for _ in range(3)])
    _, targets = view(rng, labels)
    together = segment_lengths(labels, [1, 2], poses, targets)
    for pose, found in zip(poses, together, strict=True):
        np.testing.assert_array_equal(segment_lengths(labels, [1, 2], pose[None], targets)[0], found)


def test_axis_parallel_rays_cross_whole_voxels():
    values = np.zeros((6, 6, 6), np.float32)
    values[:, 2, 3] = 1
    labels = Volume(values, np.diag([2.0, 2, 2, 1]), "labels")
    pose = np.eye(4)
    pose[:3, 3] = [6, 4, -50]
    assert segment_lengths(labels, [1], pose[None], np.array([[0, 0, 500.0]])) == pytest.approx(12)
    pose[0, 3] = 4
    assert not segment_lengths(labels, [1], pose[None], np.array([[0, 0, 500.0]])).any()


def test_labels_that_are_none_are_refused(rng):
    labels = Volume(np.full((4, 4, 4), -3, np.float32), np.eye(4), "labels")
    with pytest.raises(InputError, match="-3"):
        segment_lengths(labels, [1], np.eye(4)[None], np.ones((1, 3)))
    fine = labels.with_values(np.ones((4, 4, 4), np.float32), "labels")
    with pytest.raises(InputError, match="distinct"):
        segment_lengths(fine, [1, 1], np.eye(4)[None], np.ones((1, 3)))
