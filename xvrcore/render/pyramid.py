"""An attenuation volume at full and at coarser resolutions, stored for fast ray casting."""

from dataclasses import dataclass, field

import numpy as np
from numba import njit, prange

from xvrcore.errors import InputError
from xvrcore.volume import Volume

LEVEL_PITCHES_MM = (1.5, 3.0, 6.0)
"""Voxel sizes that the coarser levels aim at, by whole-number block averages."""
PAD_LOW, PAD_HIGH = 1, 2
"""Zero voxels around each level: interpolation next to the border then needs no bounds checks."""
CACHE_LINE_BYTES = 64
STORED = np.int16
"""Of each voxel: half the memory traffic of float32, at an error far below that of interpolation."""


@dataclass(frozen=True)
class Level:
    """One resolution: ``shape`` voxels (k, j, i), of which (0, 0, 0) is stored at ``padded[1, 1, 1]``.

    ``padded`` holds zeros around them and is quantized to 16 bits, ``padded * scale`` being attenuation in 1/mm;
    ``ras_from_ijk`` (4x4) leads from voxel indices to RAS mm; ``pitch_mm`` is the cube root of a voxel's volume.
    """

    padded: np.ndarray = field(repr=False)
    shape: tuple[int, int, int]
    scale: float
    ras_from_ijk: np.ndarray = field(repr=False)
    pitch_mm: float

    def dense(self) -> np.ndarray:
        """The level without its padding, (k, j, i) float32, in 1/mm."""
        inner = tuple(slice(PAD_LOW, PAD_LOW + n) for n in self.shape)
        return self.padded[inner] * np.float32(self.scale)


def build_pyramid(attenuation: Volume) -> tuple[Level, ...]:
    """Level 0 at full resolution, then voxels of about 1.5, 3 and 6 mm; never finer than the volume itself.

    Zeros around what attenuates are left out: rays have nothing to gather there.

    :raises InputError: values that are not finite.
    """
    values = np.ascontiguousarray(attenuation.values, dtype=np.float32)
    magnitudes, spans = _survey(values)
    largest = float(magnitudes.max())
    if not np.isfinite(largest):
        raise InputError(f"{attenuation.path or 'The attenuation volume'} holds values that are not finite numbers; "
                         "repair or mask them.")
    scale = (largest or 1.0) / np.iinfo(STORED).max
    first, shape = _occupied(spans, values.shape)
    full = _allocate(shape)
    _quantize(values, first, shape, 1 / scale, full)
    ras_from_full = attenuation.ras_from_ijk @ _shifted(first[::-1])
    levels = [_level(full, shape, scale, ras_from_full, (1, 1, 1))]
    done = {(1, 1, 1)}
    for pitch in LEVEL_PITCHES_MM:
        # ties go up, whatever the last digit of the spacing is
        factors = tuple(max(1, int(pitch / s + 0.5 + 1e-6)) for s in attenuation.spacing_mm)
        if factors in done:
            continue
        done.add(factors)
        blocks = tuple(-(-n // f) for n, f in zip(shape, factors[::-1], strict=True))
        coarse = _allocate(blocks)
        _block_average(full, shape, *factors, coarse, blocks)
        levels.append(_level(coarse, blocks, scale, ras_from_full, factors))
    return tuple(levels)


def _occupied(spans: np.ndarray, shape: tuple[int, int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First voxel (k, j, i) and shape of the smallest box that holds all that is not zero; everything if all is."""
    slices = np.flatnonzero(spans[:, 1] > spans[:, 0])
    if not len(slices):
        return (0, 0, 0), shape
    low = (slices[0], spans[slices, 0].min(), spans[slices, 2].min())
    high = (slices[-1] + 1, spans[slices, 1].max(), spans[slices, 3].max())
    return tuple(map(int, low)), tuple(int(b - a) for a, b in zip(low, high, strict=True))


def _shifted(first_ijk: tuple[int, int, int]) -> np.ndarray:
    """``full_from_box``: voxel indices of the whole grid from those of a box that begins at ``first_ijk``."""
    full_from_box = np.eye(4)
    full_from_box[:3, 3] = first_ijk
    return full_from_box


def _allocate(shape: tuple[int, int, int]) -> np.ndarray:
    """Zeros for a padded level, its rows an odd number of cache lines long: even ones crowd into few cache sets."""
    per_line = CACHE_LINE_BYTES // np.dtype(STORED).itemsize
    lines = -(-(shape[2] + PAD_LOW + PAD_HIGH) // per_line)
    return np.zeros((shape[0] + PAD_LOW + PAD_HIGH, shape[1] + PAD_LOW + PAD_HIGH, (lines | 1) * per_line), STORED)


def _level(padded: np.ndarray, shape: tuple[int, int, int], scale: float, ras_from_ijk: np.ndarray,
           factors: tuple[int, int, int]) -> Level:
    """A block's center lies (factor - 1) / 2 voxels after its first voxel."""
    full_from_level = np.diag([*factors, 1.0])
    full_from_level[:3, 3] = (np.array(factors) - 1) / 2
    ras_from_level = ras_from_ijk @ full_from_level
    return Level(padded, shape, scale, ras_from_level, float(np.cbrt(abs(np.linalg.det(ras_from_level[:3, :3])))))


@njit(parallel=True, cache=True, nogil=True)
def _survey(values):
    """Of each slice: its largest magnitude (infinite where a value is not a number), and the rows and columns
    (first row, row after the last, first column, column after the last) that are not zero."""
    largest = np.zeros(values.shape[0])
    spans = np.empty((values.shape[0], 4), np.int64)
    for k in prange(values.shape[0]):
        most = np.float32(0)
        top, bottom, left, right = values.shape[1], 0, values.shape[2], 0
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                size = abs(values[k, j, i])
                if size != 0:
                    top, bottom, left, right = min(top, j), j + 1, min(left, i), max(right, i + 1)
                    most = max(most, size) if size == size else np.float32(np.inf)
        largest[k] = most
        spans[k] = np.array([top, bottom, left, right])
    return largest, spans


@njit(parallel=True, cache=True, nogil=True)
def _quantize(values, first, shape, inverse_scale, padded):
    for k in prange(shape[0]):
        for j in range(shape[1]):
            for i in range(shape[2]):
                value = values[first[0] + k, first[1] + j, first[2] + i]
                padded[k + PAD_LOW, j + PAD_LOW, i + PAD_LOW] = np.rint(value * inverse_scale)


@njit(parallel=True, cache=True, nogil=True)
def _block_average(full, shape, fi, fj, fk, coarse, coarse_shape):
    """Mean of blocks; voxels beyond the border count as zero, so that the integral is kept."""
    for k in prange(coarse_shape[0]):
        for j in range(coarse_shape[1]):
            for i in range(coarse_shape[2]):
                total = 0
                for kk in range(k * fk, min((k + 1) * fk, shape[0])):
                    for jj in range(j * fj, min((j + 1) * fj, shape[1])):
                        for ii in range(i * fi, min((i + 1) * fi, shape[2])):
                            total += full[kk + PAD_LOW, jj + PAD_LOW, ii + PAD_LOW]
                coarse[k + PAD_LOW, j + PAD_LOW, i + PAD_LOW] = np.rint(total / (fi * fj * fk))
