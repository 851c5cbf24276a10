"""The search for the disc whose edge, as far as it lies in the image, has the most evidence."""

from functools import cache

import numpy as np

from xvrcore.xray_io.line_sums import EDGE_WIDTH, EXPECTED, expected_likeness
from xvrcore.xray_io.shapes import Disc
from xvrcore.xray_io.steps import Steps

SHIFT, REACH = 0.04, 6
"""The grid of centers, as a share of the image's longer side, and how many of its steps they may be off the middle."""
LEAST_RADIUS = 0.3
"""Of the image's shorter side."""
FINEST_STEP = 0.7
"""Pixels; no finer are centers sought."""
CUT_ARC = -0.15
"""Pixels of a circle that blades have cut off count no worse than this."""


class DiscSearch:
    """Evidence for discs about any center, for either polarity."""

    def __init__(self, steps: Steps):
        rows, cols = steps.right.shape
        self.size, self.least_radius = max(rows, cols), int(LEAST_RADIUS * min(rows, cols))
        v, u = np.nonzero(steps.measured)
        self.x, self.y = u - (cols - 1) / 2, v - (rows - 1) / 2
        self.structured = steps.structured[v, u]
        self.telling = np.flatnonzero(np.hypot(steps.right, steps.down)[v, u] > EXPECTED + CUT_ARC)
        self.right, self.down = (a[v, u][self.telling] for a in (steps.right, steps.down))
        self._rings = cache(self._measured_rings)

    def best(self, sign: int) -> tuple[float, Disc, float]:
        """The evidence, the disc and its expected likeness: on a grid of centers, then on finer ones about the best."""
        step, reach = SHIFT * self.size, np.arange(-REACH, REACH + 1)
        best = self._best_of(step * reach, step * reach, sign)
        while step > FINEST_STEP:
            step /= 2
            near = step * np.arange(-1, 2)
            best = self._best_of(best[1].x + near, best[1].y + near, sign)
        return best

    def _best_of(self, xs: np.ndarray, ys: np.ndarray, sign: int) -> tuple[float, Disc, float]:
        return max((self._best_about(float(x), float(y), sign) for x in xs for y in ys), key=lambda found: found[0])

    def _best_about(self, x: float, y: float, sign: int) -> tuple[float, Disc, float]:
        """The same for the best radius about one center."""
        rings, outward, count, expected = self._rings(x, y)
        above = np.bincount(rings, np.maximum(sign * outward - EXPECTED - CUT_ARC, 0), len(count))
        evidence = above + count * (CUT_ARC + EXPECTED - expected)
        evidence[:self.least_radius] = -np.inf
        at = int(np.argmax(evidence))
        return float(evidence[at]), Disc(x, y, float(at)), float(expected[at])

    def _measured_rings(self, x: float, y: float) -> tuple[np.ndarray, ...]:
        """About one center: ring and outward likeness of telling pixels; pixels and expected likeness of rings."""
        dx, dy = self.x - x, self.y - y
        radius = np.sqrt(dx * dx + dy * dy)
        rings = np.rint(radius).astype(np.intp)
        count, structured = np.bincount(rings), np.bincount(rings, self.structured)
        share = structured[::-1].cumsum()[::-1] / count[::-1].cumsum()[::-1]
        expected = expected_likeness(np.r_[share, np.zeros(EDGE_WIDTH)][EDGE_WIDTH:])
        i = self.telling
        outward = (self.right * dx[i] + self.down * dy[i]) / np.maximum(radius[i], 1)
        return rings[i], outward, count, expected
