"""Sums of step likeness along all straight lines of a picture, so that any stretch of any line costs two look-ups.

A line is (direction, offset), the direction a number of ``DIRECTIONS`` over 180 degrees: its points are
``offset * (cos, sin) + position * (-sin, cos)`` of the direction's angle, in pixels from the image's center.
Tables begin at ``-half`` in offset and in position.
"""

from functools import lru_cache

import numpy as np

from xvrcore.xray_io.steps import Steps

DIRECTIONS = 60
"""Steps of direction over 180 degrees; a multiple of 4, so that its neighbors and chamfers are whole steps away."""
EXPECTED, DOUBT = 0.35, 0.8
"""The mean likeness beyond which a line speaks for an edge; and how it grows with the structured share beyond it."""
MOST_STRUCTURE = 0.5
EDGE_WIDTH = 7
"""Pixels beyond an edge where its own blur may look like structure."""


class LineSums:
    """Running sums (direction, offset, position) of likeness across lines and of measured pixels."""

    def __init__(self, steps: Steps):
        index, self.angles, self.half = _line_pixels(steps.right.shape)
        right, down = (np.append(a, 0).astype(np.float32) for a in (steps.right, steps.down))
        across = np.empty(index.shape, np.float32)
        for i, angle in enumerate(self.angles):
            across[i] = (right * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle)))[index[i]]
        self.likeness = np.cumsum(across, axis=2, out=across)
        self.counts = np.cumsum(np.append(steps.measured, False)[index], axis=2, dtype=np.int16)
        self._structured = np.append(steps.structured, False)[index].sum(2)

    def best_stretch(self, sign: int, expected: np.ndarray) -> np.ndarray:
        """The most evidence (direction, offset) that any stretch has for steps rising along ``sign`` x normal."""
        total = np.multiply(self.counts, -expected[:, :, None], dtype=np.float32)
        total += self.likeness if sign > 0 else -self.likeness
        return (total - np.minimum.accumulate(total, axis=2)).max(axis=2)

    def expected(self, outward: int) -> np.ndarray:
        """The mean likeness (direction, offset) above which a line is evidence that its ``outward`` side is dark."""
        measured = self.counts[:, :, -1].astype(float)
        seen, structured = (np.roll(a[:, ::-outward].cumsum(1)[:, ::-outward], -EDGE_WIDTH * outward, 1)
                            for a in (measured, self._structured))
        in_table = np.arange(-self.half, self.half + 1) * outward <= self.half - EDGE_WIDTH
        return expected_likeness(np.where(in_table, structured / np.maximum(seen, 1), 0)).astype(np.float32)

    def between(self, direction, offset, start, stop) -> tuple[np.ndarray, np.ndarray]:
        """Sums of likeness and counts of measured pixels between two positions; arguments broadcast."""
        first, last = (np.clip(np.rint(p), -self.half, self.half).astype(np.intp) + self.half for p in (start, stop))
        row = offset + self.half
        return (self.likeness[direction, row, last] - self.likeness[direction, row, first],
                self.counts[direction, row, last] - self.counts[direction, row, first])


def expected_likeness(structured_share: np.ndarray) -> np.ndarray:
    """The mean likeness that an edge must exceed, given how much of what lies beyond it shows structure."""
    return EXPECTED + DOUBT * np.minimum(structured_share, MOST_STRUCTURE)


@lru_cache(maxsize=4)
def _line_pixels(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
    """Flat pixel index (direction, offset, position), one past the last pixel outside; angles; half the diagonal."""
    rows, cols = shape
    half = int(np.ceil(np.hypot(rows, cols) / 2))
    reach = np.arange(-half, half + 1, dtype=np.float32)
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    index = np.empty((DIRECTIONS, len(reach), len(reach)), np.int32)
    for i, (c, s) in enumerate(zip(np.cos(angles), np.sin(angles), strict=True)):
        u = np.rint(reach[:, None] * c - reach * s + (cols - 1) / 2).astype(np.int32)
        v = np.rint(reach[:, None] * s + reach * c + (rows - 1) / 2).astype(np.int32)
        index[i] = np.where((u >= 0) & (u < cols) & (v >= 0) & (v < rows), v * cols + u, rows * cols)
    return index, angles, half
