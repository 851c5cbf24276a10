"""Rays whose integral the CT cannot know: they pass where the anatomy goes on but the CT ends."""

import numpy as np
from numba import njit, prange

from xvrcore.volume import Volume

RAYS_PER_JOB = 256


def truncated_rays(volume: Volume, cut_faces: tuple[bool, bool, bool, bool, bool, bool], poses: np.ndarray,
                   targets: np.ndarray) -> np.ndarray:
    """Whether each ray passes through the anatomy that the CT cut off: (B, N) bool.

    That anatomy is taken to fill the volume's box, continued without end beyond its cut faces; the box reaches
    half a voxel beyond the outer voxel centers. Rays that miss both are known: they meet only air.

    :param cut_faces: (i low, i high, j low, j high, k low, k high): the faces where anatomy continues.
    :param poses: (B, 4, 4) ``ras_from_camera``.
    :param targets: (N, 3) detector points, camera frame, mm.
    """
    poses = np.asarray(poses, np.float64)
    unit_from_ijk = np.diag([*(1 / np.array(volume.values.shape[::-1])), 1.0])   # the box becomes 0..1
    unit_from_ijk[:3, 3] = 0.5 * np.diag(unit_from_ijk)[:3]
    unit_from_camera = unit_from_ijk @ np.linalg.inv(volume.ras_from_ijk) @ poses
    result = np.empty((len(poses), len(targets)), np.bool_)
    _cross(np.ascontiguousarray(unit_from_camera[:, :3]), np.ascontiguousarray(targets, np.float64),
           np.array(cut_faces, np.bool_), result)
    return result


@njit(parallel=True, cache=True, nogil=True, error_model="numpy")
def _cross(unit_from_camera, targets, cut, result):
    count = targets.shape[0]
    jobs = (count + RAYS_PER_JOB - 1) // RAYS_PER_JOB
    for job in prange(result.shape[0] * jobs):
        pose = job // jobs
        start = (job - pose * jobs) * RAYS_PER_JOB
        m = unit_from_camera[pose]
        for ray in range(start, min(count, start + RAYS_PER_JOB)):
            enter, leave, first, last = 0.0, 1.0, 0.0, 1.0     # within the box; within its continuation
            for axis in range(3):
                source = m[axis, 3]
                slope = m[axis, 0] * targets[ray, 0] + m[axis, 1] * targets[ray, 1] + m[axis, 2] * targets[ray, 2]
                if slope == 0.0:
                    if source < 0.0 or source > 1.0:
                        leave = -1.0
                        if not cut[2 * axis + (1 if source > 1.0 else 0)]:
                            last = -1.0
                    continue
                low, high, cut_in, cut_out = -source / slope, (1.0 - source) / slope, cut[2 * axis], cut[2 * axis + 1]
                if slope < 0.0:
                    low, high, cut_in, cut_out = high, low, cut_out, cut_in
                enter, leave = max(enter, low), min(leave, high)
                if not cut_in:
                    first = max(first, low)
                if not cut_out:
                    last = min(last, high)
            continued = last > first
            result[pose, ray] = continued and (leave <= enter or first < enter or last > leave)
