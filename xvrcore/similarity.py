"""Locally normalized correlation of a DRR with an X-ray, and its Gauss-Newton normal equations.

Both images are normalized in a sliding square window (mean removed, divided by the local standard
deviation), which makes the comparison blind to slow intensity errors: scatter, heel effect, an unknown
monotone encoding. Residuals ``r = a - f`` of the normalized DRR ``a`` and X-ray ``f`` give the cost that
Levenberg-Marquardt lowers; ``sum(a f) / sqrt(sum(a^2) sum(f^2))`` is the score that ranks and judges.
Pixels with weight zero take no part, neither as residuals nor in any window.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit, prange

NOISE_FLOOR = 0.15
"""Share of the image's global standard deviation added to every local one, so that flat regions stay quiet."""

LEAST_WINDOW_SHARE = 0.35
"""A pixel counts only if at least this share of its window is valid."""

COLUMN_BLOCK = 16


@dataclass(frozen=True)
class NormalEquations:
    """For B poses: ``hessian`` (B, P, P), ``gradient`` (B, P), and the figures of :class:`Scores`."""

    hessian: np.ndarray
    gradient: np.ndarray
    scores: "Scores"


@dataclass(frozen=True)
class Scores:
    """For B poses: mean squared residual, correlation (-1..1), and the number of pixels that took part."""

    cost: np.ndarray
    correlation: np.ndarray
    pixels: np.ndarray


def local_scores(drr: np.ndarray, xray: np.ndarray, weight: np.ndarray, window: int) -> Scores:
    """Compare DRRs (B, h, w) with one X-ray (h, w) under weights (B, h, w), in a window of odd side ``window``."""
    empty = np.empty((*drr.shape, 0), np.float32)
    return _evaluate(drr, empty, xray, weight, window)[2]


def local_normal_equations(drr: np.ndarray, jacobian: np.ndarray, xray: np.ndarray, weight: np.ndarray,
                           window: int) -> NormalEquations:
    """As :func:`local_scores`, with ``jacobian`` (B, h, w, P) of the DRR, giving Gauss-Newton's H and g."""
    return NormalEquations(*_evaluate(drr, jacobian, xray, weight, window))


def locally_normalized(images: np.ndarray, weight: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (B, h, w) normalized as in :func:`local_scores`, and 1 where a pixel counts, else 0 (both float32)."""
    images = np.ascontiguousarray(images, np.float32)
    normalized, counts = np.zeros_like(images), np.zeros_like(images)
    _normalize(images, np.ascontiguousarray(weight, np.float32), window // 2, normalized, counts)
    return normalized, counts


def _evaluate(drr, jacobian, xray, weight, window):
    batch, height, width = drr.shape
    parameters = jacobian.shape[-1]
    moments = _moments(drr, xray, weight)
    rows = np.empty((batch, height, width, 5 + 2 * parameters), np.float32)
    _row_sums(drr, jacobian, xray, weight, window // 2, moments, rows)
    blocks = -(-width // COLUMN_BLOCK)
    partial = np.zeros((batch, blocks, 5 + parameters + parameters * parameters))
    _accumulate(drr, jacobian, xray, weight, window // 2, moments, rows, partial)
    total = partial.sum(axis=1)
    squares, aa, ff, af, count = total[:, :5].T
    scores = Scores(squares / np.maximum(count, 1), af / np.sqrt(np.maximum(aa * ff, 1e-12)), count)
    hessian = total[:, 5 + parameters:].reshape(batch, parameters, parameters)
    return hessian, total[:, 5:5 + parameters], scores


@njit(parallel=True, cache=True, nogil=True)
def _moments(drr, xray, weight):
    """(B, 4): weighted mean and inverse standard deviation of the DRR, then of the X-ray."""
    batch, height, width = drr.shape
    out = np.zeros((batch, 4), np.float32)
    for b in prange(batch):
        n, s, q, t, p = 0.0, 0.0, 0.0, 0.0, 0.0
        for y in range(height):
            for x in range(width):
                w, i, f = weight[b, y, x], drr[b, y, x], xray[y, x]
                n += w
                s += w * i
                q += w * i * i
                t += w * f
                p += w * f * f
        n = max(n, 1.0)
        out[b, 0] = s / n
        out[b, 1] = 1.0 / max(np.sqrt(max(q / n - (s / n) ** 2, 0.0)), 1e-6)
        out[b, 2] = t / n
        out[b, 3] = 1.0 / max(np.sqrt(max(p / n - (t / n) ** 2, 0.0)), 1e-6)
    return out


@njit(parallel=True, cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _row_sums(drr, jacobian, xray, weight, radius, moments, out):
    """Horizontal window sums of w, wI, wII, wF, wFF, wJ, wIJ, all images standardized."""
    batch, height, width, parameters = jacobian.shape
    for job in prange(batch * height):
        b = job // height
        y = job - b * height
        mean_i, scale_i, mean_f, scale_f = moments[b, 0], moments[b, 1], moments[b, 2], moments[b, 3]
        running = np.zeros(5 + 2 * parameters)
        for lead in range(width + radius):
            for side in range(2):
                x = lead if side == 0 else lead - 2 * radius - 1
                if x < 0 or x >= width or weight[b, y, x] == 0:
                    continue
                w = np.float64(weight[b, y, x]) * (1.0 if side == 0 else -1.0)
                i = (drr[b, y, x] - mean_i) * scale_i
                f = (xray[y, x] - mean_f) * scale_f
                running[0] += w
                running[1] += w * i
                running[2] += w * i * i
                running[3] += w * f
                running[4] += w * f * f
                for k in range(parameters):
                    j = w * jacobian[b, y, x, k] * scale_i
                    running[5 + k] += j
                    running[5 + parameters + k] += i * j
            if lead >= radius:
                for k in range(5 + 2 * parameters):
                    out[b, y, lead - radius, k] = running[k]


@njit(parallel=True, cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _accumulate(drr, jacobian, xray, weight, radius, moments, rows, out):
    """Vertical running sums by blocks of columns, and each pixel's share of cost, gradient and Hessian."""
    batch, height, width, parameters = jacobian.shape
    channels = 5 + 2 * parameters
    blocks = out.shape[1]
    floor = NOISE_FLOOR * NOISE_FLOOR
    least = LEAST_WINDOW_SHARE * (2 * radius + 1) ** 2
    for job in prange(batch * blocks):
        b = job // blocks
        block = job - b * blocks
        first = block * COLUMN_BLOCK
        count = min(COLUMN_BLOCK, width - first)
        running = np.zeros((COLUMN_BLOCK, channels))
        row = np.zeros(parameters)
        total = out[b, block]
        mean_i, scale_i, mean_f, scale_f = moments[b, 0], moments[b, 1], moments[b, 2], moments[b, 3]
        for lead in range(height + radius):
            for c in range(count):
                if lead < height:
                    for k in range(channels):
                        running[c, k] += rows[b, lead, first + c, k]
                if lead - 2 * radius - 1 >= 0:
                    for k in range(channels):
                        running[c, k] -= rows[b, lead - 2 * radius - 1, first + c, k]
            y = lead - radius
            if y < 0:
                continue
            for c in range(count):
                x = first + c
                w = weight[b, y, x]
                if w == 0 or running[c, 0] < least:
                    continue
                inverse = 1.0 / running[c, 0]
                mi = running[c, 1] * inverse
                mf = running[c, 3] * inverse
                var_i = max(running[c, 2] * inverse - mi * mi, 0.0) + floor
                var_f = max(running[c, 4] * inverse - mf * mf, 0.0) + floor
                inv_sd = 1.0 / np.sqrt(var_i)
                i = (drr[b, y, x] - mean_i) * scale_i
                a = (i - mi) * inv_sd
                f = ((xray[y, x] - mean_f) * scale_f - mf) / np.sqrt(var_f)
                r = a - f
                total[0] += w * r * r
                total[1] += w * a * a
                total[2] += w * f * f
                total[3] += w * a * f
                total[4] += w
                for k in range(parameters):
                    mj = running[c, 5 + k] * inverse
                    covariance = (running[c, 5 + parameters + k] * inverse - mi * mj) / var_i
                    row[k] = (jacobian[b, y, x, k] * scale_i - mj) * inv_sd - a * covariance
                    total[5 + k] += w * row[k] * r
                for k in range(parameters):
                    for m in range(k + 1):
                        h = w * row[k] * row[m]
                        total[5 + parameters + k * parameters + m] += h
                        if m != k:
                            total[5 + parameters + m * parameters + k] += h


@njit(parallel=True, cache=True, nogil=True)
def _normalize(images, weight, radius, normalized, counts):
    batch, height, width = images.shape
    least = LEAST_WINDOW_SHARE * (2 * radius + 1) ** 2
    for b in prange(batch):
        total, first, second = 0.0, 0.0, 0.0
        for y in range(height):
            for x in range(width):
                total += weight[b, y, x]
                first += weight[b, y, x] * images[b, y, x]
                second += weight[b, y, x] * images[b, y, x] ** 2
        mean = first / max(total, 1.0)
        scale = 1.0 / max(np.sqrt(max(second / max(total, 1.0) - mean * mean, 0.0)), 1e-6)
        # summed-area tables of w, wI, wII
        table = np.zeros((3, height + 1, width + 1))
        for y in range(height):
            row = np.zeros(3)
            for x in range(width):
                w, i = weight[b, y, x], (images[b, y, x] - mean) * scale
                row[0] += w
                row[1] += w * i
                row[2] += w * i * i
                for k in range(3):
                    table[k, y + 1, x + 1] = table[k, y, x + 1] + row[k]
        for y in range(height):
            top, bottom = max(0, y - radius), min(height, y + radius + 1)
            for x in range(width):
                left, right = max(0, x - radius), min(width, x + radius + 1)
                n = (table[0, bottom, right] - table[0, top, right] - table[0, bottom, left] + table[0, top, left])
                if weight[b, y, x] == 0 or n < least:
                    continue
                s = (table[1, bottom, right] - table[1, top, right] - table[1, bottom, left] + table[1, top, left]) / n
                q = (table[2, bottom, right] - table[2, top, right] - table[2, bottom, left] + table[2, top, left]) / n
                deviation = np.sqrt(max(q - s * s, 0.0) + NOISE_FLOOR * NOISE_FLOOR)
                normalized[b, y, x] = ((images[b, y, x] - mean) * scale - s) / deviation
                counts[b, y, x] = 1.0
