"""Rays through cut faces, against a search along each ray."""

import numpy as np
import pytest
from scene import oblique_frame, random_camera

from xvrcore.positioner import camera_pose
from xvrcore.render.truncation import truncated_rays
from xvrcore.volume import Volume

NO_FACE = (False,) * 6


def brute_force(volume: Volume, cut, pose: np.ndarray, target: np.ndarray, samples: int = 4000) -> bool | None:
    """Whether stepping along the ray meets the box's continuation; None where the answer hangs on a step's width."""
    ijk_from_camera = np.linalg.inv(volume.ras_from_ijk) @ pose
    points = ijk_from_camera[:3, 3] + np.linspace(0, 1, samples)[:, None] * (ijk_from_camera[:3, :3] @ target)
    size = np.array(volume.values.shape[::-1])
    answers = set()
    for margin in (-0.2, 0.0, 0.2):
        beyond = np.stack([points < -0.5 - margin, points > size - 0.5 + margin], axis=-1).reshape(samples, 6)
        continued = ~(beyond & ~np.array(cut)).any(axis=1) & beyond.any(axis=1)
        answers.add(bool(continued.any()))
    return answers.pop() if len(answers) == 1 else None


def test_truncated_rays_are_those_that_a_search_finds(rng):
    volume = Volume(np.zeros((14, 20, 26), np.float32), oblique_frame(rng, (3.0, 2.5, 4.0)), "attenuation")
    cameras = [random_camera(rng, volume.center_ras, rows=9, cols=11) for _ in range(4)]
    inner = camera_pose(*rng.uniform(-40, 40, 2), 0.0, volume.center_ras)      # a source within the box
    poses = np.stack([c.ras_from_camera for c in cameras] + [inner])
    targets = cameras[0].intrinsics.pixel_grid().reshape(-1, 3)
    judged = 0
    for cut in (NO_FACE, (True,) * 6, tuple(rng.random(6) < 0.5), (False,) * 4 + (True, True)):
        found = truncated_rays(volume, cut, poses, targets)
        assert found.shape == (5, len(targets))
        assert found.dtype == bool
        for b, pose in enumerate(poses):
            for n in rng.integers(0, len(targets), 25):
                answer = brute_force(volume, cut, pose, targets[n])
                if answer is not None:
                    judged += 1
                    assert found[b, n] == answer, (cut, b, n)
    assert judged > 200


def test_a_source_or_target_inside_is_neither_entry_nor_exit(rng):
    volume = Volume(np.zeros((20, 20, 20), np.float32), np.eye(4), "attenuation")
    pose = np.eye(4)
    pose[:3, 3] = volume.center_ras
    short, long = np.array([[0, 0, 3.0]]), np.array([[0, 0, 300.0]])
    assert not truncated_rays(volume, (True,) * 6, pose[None], short).any()
    assert truncated_rays(volume, (False,) * 5 + (True,), pose[None], long).all()
    assert not truncated_rays(volume, (True,) * 5 + (False,), pose[None], long).any()


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_axis_parallel_rays_are_judged_without_dividing_by_zero(offset):
    volume = Volume(np.zeros((20, 20, 20), np.float32), np.eye(4), "attenuation")
    pose = np.eye(4)
    pose[:3, 3] = [10 + offset, 10, -50]
    beside_i = (False, True, False, False, False, False)
    passed = truncated_rays(volume, beside_i, pose[None], np.array([[0, 0, 500.0]]))
    assert passed[0, 0] == (offset > 20), "a ray beside the box passes through its continuation there"
    assert not truncated_rays(volume, NO_FACE, pose[None], np.array([[0, 0, 500.0]])).any()
