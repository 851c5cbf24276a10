"""Smaller versions of an X-ray: masked area averages that keep the geometry exact."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from xvrcore.camera import Intrinsics
from xvrcore.xray import Xray

LEAST_VALID_SHARE = 0.75
"""A coarse pixel is valid if at least this share of its area is."""


@dataclass(frozen=True)
class XrayLevel:
    """``image`` (rows, cols) float32, zero mean and unit deviation over ``valid`` (float32, 0 or 1)."""

    image: np.ndarray = field(repr=False)
    valid: np.ndarray = field(repr=False)
    intrinsics: Intrinsics

    @cached_property
    def targets(self) -> np.ndarray:
        """Detector points (rows * cols, 3) float64, camera frame, mm."""
        return self.intrinsics.pixel_grid().reshape(-1, 3)


class XrayPyramid:
    """Levels of one X-ray by the number of pixels along its longer side, made when first asked for."""

    def __init__(self, xray: Xray):
        self.xray = xray
        self._levels: dict[int, XrayLevel] = {}

    def level(self, size: int) -> XrayLevel:
        """The level whose longer side has ``size`` pixels (never finer than the X-ray itself)."""
        size = min(size, max(self.xray.image.shape))
        if size not in self._levels:
            self._levels[size] = _reduce(self.xray, size)
        return self._levels[size]


def _reduce(xray: Xray, size: int) -> XrayLevel:
    intrinsics = xray.intrinsics
    step = max(intrinsics.rows, intrinsics.cols) / size
    rows, cols = max(2, int(intrinsics.rows / step + 1e-6)), max(2, int(intrinsics.cols / step + 1e-6))
    down, v0 = _area_average(intrinsics.rows, rows, step)
    across, u0 = _area_average(intrinsics.cols, cols, step)
    mask = xray.mask.astype(np.float32)
    share = down @ mask @ across.T
    image = down @ (xray.image * mask) @ across.T / np.maximum(share, 1e-6)
    valid = share >= LEAST_VALID_SHARE
    inside = image[valid] if valid.any() else image.ravel()
    image = np.where(valid, (image - inside.mean()) / max(float(inside.std()), 1e-6), 0)
    return XrayLevel(np.ascontiguousarray(image, np.float32), np.ascontiguousarray(valid, np.float32),
                     intrinsics.region(u0, v0, step, rows, cols))


def _area_average(stored: int, reduced: int, step: float) -> tuple[sparse.csr_array, float]:
    """Weights (reduced, stored) of centered cells ``step`` pixels wide, and the center of the first cell in pixels."""
    first_edge = (stored - reduced * step) / 2
    edges = first_edge + step * np.arange(reduced + 1)
    pixels = np.arange(stored)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return sparse.csr_array((np.clip(overlap, 0, None) / step).astype(np.float32)), first_edge + step / 2 - 0.5
