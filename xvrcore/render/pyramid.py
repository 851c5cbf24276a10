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


@dataclass(frozen=True)
class Level:
    """One resolution. Voxel (i, j, k) of the level sits at ``(i + 1, j + 1, k + 1)`` of the padded array.

    ``padded`` is flat and quantized to 16 bits, ``padded * scale`` being attenuation in 1/mm; ``shape`` is its
    padded (k, j, i) shape, ``padded_from_ras`` (4x4) leads from RAS mm to its (i, j, k), and ``pitch_mm`` is
    the cube root of a voxel's volume.
    """

    padded: np.ndarray = field(repr=False)
    shape: tuple[int, int, int]
    scale: float
    padded_from_ras: np.ndarray = field(repr=False)
    pitch_mm: float

    def dense(self) -> np.ndarray:
        """The level without its padding, (k, j, i) float32, in 1/mm."""
        inner = slice(PAD_LOW, -PAD_HIGH)
        return self.padded.reshape(self.shape)[inner, inner, inner] * np.float32(self.scale)

    @property
    def ras_from_ijk(self) -> np.ndarray:
        """4x4 from voxel indices of :meth:`dense` to RAS mm."""
        shift = np.eye(4)
        shift[:3, 3] = PAD_LOW
        return np.linalg.inv(self.padded_from_ras) @ shift


def build_pyramid(attenuation: Volume) -> tuple[Level, ...]:
    """Level 0 at full resolution, then voxels of about 1.5, 3 and 6 mm; never finer than the volume itself.

    16 bits are signed only where the volume has negative values.

    :raises InputError: values that are not finite.
    """
    values = np.ascontiguousarray(attenuation.values, dtype=np.float32)
    low, high = _extremes(values)
    if not np.isfinite([low, high]).all():
        raise InputError(f"{attenuation.path or 'The attenuation volume'} holds values that are not finite numbers; "
                         "repair or mask them.")
    kind = np.uint16 if low >= 0 else np.int16
    scale = (max(high, -low) or 1.0) / np.iinfo(kind).max
    full = _allocate(values.shape, kind)
    _quantize(values, 1 / scale, full)
    levels = [_level(full, scale, attenuation.ras_from_ijk, (1, 1, 1))]
    done = {(1, 1, 1)}
    for pitch in LEVEL_PITCHES_MM:
        factors = tuple(max(1, int(np.round(pitch / s))) for s in attenuation.spacing_mm)
        if factors in done:
            continue
        done.add(factors)
        coarse = _allocate(tuple(-(-n // f) for n, f in zip(values.shape, factors[::-1], strict=True)), kind)
        _block_average(full, *factors, coarse)
        levels.append(_level(coarse, scale, attenuation.ras_from_ijk, factors))
    return tuple(levels)


def _allocate(shape: tuple[int, int, int], kind) -> np.ndarray:
    return np.zeros(tuple(n + PAD_LOW + PAD_HIGH for n in shape), kind)


def _level(padded: np.ndarray, scale: float, ras_from_ijk: np.ndarray, factors: tuple[int, int, int]) -> Level:
    """A block's center lies (factor - 1) / 2 voxels after its first voxel."""
    ijk_from_padded = np.diag([*factors, 1.0])
    ijk_from_padded[:3, 3] = (np.array(factors) - 1) / 2 - PAD_LOW * np.array(factors)
    ras_from_padded = ras_from_ijk @ ijk_from_padded
    return Level(padded.ravel(), padded.shape, scale, np.linalg.inv(ras_from_padded),
                 float(np.cbrt(abs(np.linalg.det(ras_from_padded[:3, :3])))))


@njit(parallel=True, cache=True, nogil=True)
def _extremes(values):
    lows, highs = np.empty(values.shape[0], np.float32), np.empty(values.shape[0], np.float32)
    for k in prange(values.shape[0]):
        low, high = np.float32(np.inf), np.float32(-np.inf)
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                value = values[k, j, i]
                if not np.isfinite(value):
                    low = high = np.float32(np.nan)
                low = min(low, value) if low == low else low
                high = max(high, value) if high == high else high
        lows[k], highs[k] = low, high
    return lows.min() + 0.0, highs.max() + 0.0


@njit(parallel=True, cache=True, nogil=True)
def _quantize(values, inverse_scale, padded):
    for k in prange(values.shape[0]):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                padded[k + PAD_LOW, j + PAD_LOW, i + PAD_LOW] = np.rint(values[k, j, i] * inverse_scale)


@njit(parallel=True, cache=True, nogil=True)
def _block_average(full, fi, fj, fk, coarse):
    """Mean of blocks; voxels beyond the border count as zero, so that the integral is kept."""
    size = fi * fj * fk
    depth, height, width = (full.shape[0] - PAD_HIGH, full.shape[1] - PAD_HIGH, full.shape[2] - PAD_HIGH)
    for k in prange(coarse.shape[0] - PAD_LOW - PAD_HIGH):
        for j in range(coarse.shape[1] - PAD_LOW - PAD_HIGH):
            for i in range(coarse.shape[2] - PAD_LOW - PAD_HIGH):
                total = 0
                for kk in range(k * fk + PAD_LOW, min((k + 1) * fk + PAD_LOW, depth)):
                    for jj in range(j * fj + PAD_LOW, min((j + 1) * fj + PAD_LOW, height)):
                        for ii in range(i * fi + PAD_LOW, min((i + 1) * fi + PAD_LOW, width)):
                            total += full[kk, jj, ii]
                coarse[k + PAD_LOW, j + PAD_LOW, i + PAD_LOW] = np.rint(total / size)
