"""The chain from ray derivatives to the pose, compiled: it runs once for every image of a refinement."""

from numba import njit, prange

RAYS_PER_JOB = 1024


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def twist_derivatives(by_source, by_target, sources, rotations, targets, result):
    """Fill ``result`` (B, N, 6); ``sources`` (B, 3) relative to the twist's center, ``rotations`` (B, 3, 3)."""
    count = targets.shape[0]
    jobs = (count + RAYS_PER_JOB - 1) // RAYS_PER_JOB
    for job in prange(result.shape[0] * jobs):
        pose = job // jobs
        start = (job - pose * jobs) * RAYS_PER_JOB
        turn, (sx, sy, sz) = rotations[pose], sources[pose]
        for n in range(start, min(count, start + RAYS_PER_JOB)):
            x, y, z = targets[n, 0], targets[n, 1], targets[n, 2]
            ex = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z + sx
            ey = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z + sy
            ez = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z + sz
            ax, ay, az = by_source[pose, n, 0], by_source[pose, n, 1], by_source[pose, n, 2]
            bx, by, bz = by_target[pose, n, 0], by_target[pose, n, 1], by_target[pose, n, 2]
            result[pose, n, 0] = sy * az - sz * ay + ey * bz - ez * by
            result[pose, n, 1] = sz * ax - sx * az + ez * bx - ex * bz
            result[pose, n, 2] = sx * ay - sy * ax + ex * by - ey * bx
            result[pose, n, 3] = ax + bx
            result[pose, n, 4] = ay + by
            result[pose, n, 5] = az + bz
