"""In-plane shifts by correlation: one rendering answers for every shift of the patient across the detector.

A shift of the patient parallel to the detector moves its DRR almost rigidly. So each orientation and depth is
rendered once, on a detector large enough for all shifts, and correlated with the X-ray through the FFT (masked
normalized correlation; D. Padfield, "Masked object registration in the Fourier domain", IEEE TIP 21(5), 2012).
That leaves four of the six degrees of freedom to sampling.
"""

from collections.abc import Iterator

import numba
import numpy as np
from scipy import fft

from xvrcore.initialize.regions import Region
from xvrcore.objective import FULL_SHARE, LEAST_SHARE, Comparison, Objective
from xvrcore.similarity import locally_normalized

RENDERED_AT_ONCE = 64


def best_shifts(objective: Objective, region: Region, poses: np.ndarray,
                comparison: Comparison) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shift each pose (B, 4, 4), whose region's center lies on the beam axis, to where the X-ray agrees most.

    Yields, some poses at a time: shifted poses (b, 4, 4) and their approximate scores (b,), in the order given.
    """
    for i in range(0, len(poses), RENDERED_AT_ONCE):
        yield _shift(objective, region, poses[i:i + RENDERED_AT_ONCE], comparison)


def _shift(objective, region, poses, comparison):
    level = objective.pyramid.level(comparison.size)
    depths = np.linalg.norm(poses[:, :3, 3] - region.center_ras, axis=1)
    dy, dx = level.intrinsics.spacing_mm
    sdd = level.intrinsics.sdd_mm
    reach_mm = region.range.shift_mm * sdd / depths.min()
    mx, my = int(np.ceil(reach_mm / dx)), int(np.ceil(reach_mm / dy))
    rows, cols = level.image.shape
    wide = level.intrinsics.region(-mx, -my, 1.0, rows + 2 * my, cols + 2 * mx)
    drr, weight = objective.render(poses, wide)
    scores = _correlations(level, comparison.window, drr, weight, (2 * my + 1, 2 * mx + 1))
    best = scores.reshape(len(poses), -1).argmax(axis=1)
    oy, ox = np.unravel_index(best, scores.shape[1:])
    shifted = poses.copy()
    in_camera = np.stack([level.intrinsics.direction * (mx - ox) * dx, (my - oy) * dy, np.zeros(len(poses))], -1)
    in_camera *= (depths / sdd)[:, None]
    # moving the patient by +x is moving the camera by -x
    shifted[:, :3, 3] -= np.einsum("bij,bj->bi", poses[:, :3, :3], in_camera)
    return shifted, scores.reshape(len(poses), -1)[np.arange(len(poses)), best]


def _correlations(level, window, drr, weight, offsets):
    """Scores (B, offsets y, offsets x) of the X-ray laid over each part of the wide DRRs (B, h, w)."""
    a, wa = locally_normalized(drr, weight, window)
    f, wf = (image[0] for image in locally_normalized(level.image[None], level.valid[None], window))
    shape, workers = drr.shape[1:], numba.get_num_threads()      # no more than the kernels may use
    fixed = [np.conj(fft.rfft2(image, shape)) for image in (wf * f, wf * f * f, wf)]
    moving = [fft.rfft2(image, shape, workers=workers) for image in (a, wa, a * a)]
    crop = (slice(None), slice(0, offsets[0]), slice(0, offsets[1]))
    product, ff, aa, count = (fft.irfft2(m * f, shape, workers=workers)[crop] for m, f in (
        (moving[0], fixed[0]), (moving[1], fixed[1]), (moving[2], fixed[2]), (moving[1], fixed[2])))
    share = count / max(level.valid.sum(), 1)
    correlation = product / np.sqrt(np.maximum(aa, 1e-3) * np.maximum(ff, 1e-3))
    return np.where(share < LEAST_SHARE, -1, correlation * np.sqrt(np.clip(share / FULL_SHARE, 0, 1)))
