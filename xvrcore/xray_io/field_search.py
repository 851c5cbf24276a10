"""The search for the field with the most evidence among intersections of candidate sides and discs."""

import numpy as np
from scipy import ndimage

from xvrcore.xray_io.disc_search import DiscSearch
from xvrcore.xray_io.line_sums import DIRECTIONS, LineSums
from xvrcore.xray_io.shapes import Disc, Field, Side
from xvrcore.xray_io.steps import Steps

SUPPORT_GAP = 0.15
"""Every edge of an accepted field has a mean likeness at least this far above what it must exceed."""
LEAST_LENGTH = 0.12
"""A side is seen over at least this share of the image's longer side; an arc over twice as much."""
LEAST_AREA = 0.04
"""Of the image."""
LEAST_EVIDENCE = 35.0
"""Pixels of convincing edge, net, that a field takes: anatomy was seen to reach 30."""
LEAST_GAIN = 4.0
"""Evidence that one more edge must add."""
OFF_CENTER = 0.1
"""A side may cut the image's center off by this share of the longer side: collimators close around it."""
UPRIGHT = 3
"""Steps of direction by which a side may be tilted that stands alone."""
CANDIDATES, STARTS, MOST_SIDES = 40, 8, 8


class FieldSearch:
    """Candidate edges and the greedy search among them, for one polarity (``sign``)."""

    def __init__(self, steps: Steps, sums: LineSums, discs: DiscSearch, sign: int):
        self.steps, self.sums, self.sign = steps, sums, sign
        self.shape = steps.right.shape
        self.size = max(self.shape)
        self.direction, self.outward, self.offset, self.expected = self._candidate_sides()
        off = self.direction % (DIRECTIONS // 2)
        self.upright = np.minimum(off, DIRECTIONS // 2 - off) <= UPRIGHT
        self.low, self.high = self._crossings()
        self.together = self._together()
        evidence, disc, expected = discs.best(sign)
        self.disc = _Ring(disc, expected, self) if evidence > 0 else None

    def best(self) -> Field:
        """The field with the most evidence; without any edge where none stands on its own."""
        starts = [((i,), disc) for i in range(min(STARTS, len(self.offset))) for disc in {None, self.disc}]
        if self.disc:
            starts.append(((), self.disc))
        evidence, sides, disc = max((self._pruned(*self._grown(*s)) for s in starts), key=lambda g: g[0],
                                    default=(0.0, (), None))
        if evidence < LEAST_EVIDENCE:
            return Field(self.shape)
        found = Field(self.shape, self._refined(sides, disc), disc and disc.disc, evidence)
        return found if found.mask.mean() >= LEAST_AREA else Field(self.shape)

    # -- candidates

    def _candidate_sides(self) -> tuple[np.ndarray, ...]:
        """Direction, outward sense (+-1), line offset and expected likeness of distinct sides, best first."""
        senses = (1, -1)
        expected = np.stack([self.sums.expected(outward) for outward in senses])
        evidence = np.stack([self.sums.best_stretch(self.sign * o, e) for o, e in zip(senses, expected, strict=True)])
        outward_offset = np.arange(-self.sums.half, self.sums.half + 1) * np.array(senses)[:, None]
        evidence *= (outward_offset > -OFF_CENTER * self.size)[:, None]
        order = np.argsort(-evidence, axis=None)[:1500]
        order = order[evidence.ravel()[order] > LEAST_LENGTH * self.size * SUPPORT_GAP]
        sense, direction, row = np.unravel_index(order, evidence.shape)
        facing, outward_by = direction + DIRECTIONS * sense, outward_offset[sense, row]
        kept: list[int] = []
        for i in range(len(order)):
            turn = np.abs(facing[kept] - facing[i])
            near = (np.minimum(turn, 2 * DIRECTIONS - turn) <= 2) & (np.abs(outward_by[kept] - outward_by[i]) <= 3)
            if not near.any():
                kept.append(i)
                if len(kept) == CANDIDATES:
                    break
        sense, direction, row = sense[kept], direction[kept], row[kept]
        return direction, 1 - 2 * sense, row - self.sums.half, expected[sense, direction, row]

    def _crossings(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (j, i) on line i from which on and up to which it runs inside side j."""
        angle = self.sums.angles[self.direction]
        across = np.stack([np.cos(angle), np.sin(angle)], 1)
        along = np.stack([-np.sin(angle), np.cos(angle)], 1)
        normal = across * self.outward[:, None]
        slope = normal @ along.T
        room = (self.offset * self.outward)[:, None] - (normal @ across.T) * self.offset
        parallel = np.abs(slope) < 1e-6
        at = room / np.where(parallel, 1, slope)
        low = np.where(parallel, np.where(room < -1e-6, np.inf, -np.inf), np.where(slope < 0, at, -np.inf))
        high = np.where(parallel | (slope < 0), np.inf, at)
        return low, high

    def _together(self) -> np.ndarray:
        """Which sides (i, j) one collimator can have: of one tilt, each facing its own way."""
        turn = self.direction + np.where(self.outward > 0, 0, DIRECTIONS)
        apart = (turn[:, None] - turn) % (2 * DIRECTIONS)
        off = apart % (DIRECTIONS // 4)
        same_tilt = np.minimum(off, DIRECTIONS // 4 - off) <= 1
        same_way = np.minimum(apart, 2 * DIRECTIONS - apart) <= 2
        return same_tilt & ~same_way

    # -- search

    def _grown(self, sides: tuple[int, ...], disc: "_Ring | None"):
        """The best of all sets (sides, disc) on the way of adding, one by one, the side that helps most.

        Small fields need several sides before any of them is convincing, so losses on the way are taken.
        """
        best = (float(self._evidence(sides, disc)), sides, disc)
        while len(sides) < MOST_SIDES:
            fitting = np.flatnonzero(self.together[list(sides)].all(0))
            if not len(fitting):
                break
            gained = self._evidence_with(sides, fitting, disc)
            at = int(np.argmax(gained))
            sides = (*sides, int(fitting[at]))
            if gained[at] > best[0] + LEAST_GAIN * (len(sides) - len(best[1])):
                best = (float(gained[at]), sides, disc)
        return best[1:]

    def _evidence(self, sides: tuple[int, ...], disc: "_Ring | None") -> float:
        if sides:
            return float(self._evidence_with(sides[:-1], np.array(sides[-1:]), disc)[0])
        likeness, count = disc.arcs(np.ones((1, disc.within.shape[1]), bool)) if disc else (np.zeros(1), np.zeros(1))
        return float(likeness[0] - (disc.expected if disc else 0) * count[0])

    def _evidence_with(self, sides: tuple[int, ...], added: np.ndarray, disc: "_Ring | None") -> np.ndarray:
        """The evidence of the given sides and disc together with each one of ``added``."""
        chosen = list(sides)
        lines = np.concatenate([np.tile(np.array(chosen, int), (len(added), 1)), added[:, None]], axis=1)
        low, high = self._inside(chosen, disc)
        start = np.maximum(low[lines], np.where(lines == added[:, None], -np.inf, self.low[added[:, None], lines]))
        stop = np.minimum(high[lines], np.where(lines == added[:, None], np.inf, self.high[added[:, None], lines]))
        sums, counts = self._stretches(lines, start, stop)
        total = (sums - self.expected[lines] * counts).sum(1)
        if disc:
            likeness, count = disc.arcs(disc.within[chosen].all(0) & disc.within[added])
            total = total + likeness - disc.expected * count
        return total

    def _inside(self, sides: list[int], disc: "_Ring | None") -> tuple[np.ndarray, np.ndarray]:
        """Positions between which each candidate line runs inside the given sides and disc."""
        low = self.low[sides].max(0, initial=-np.inf)
        high = self.high[sides].min(0, initial=np.inf)
        return (np.maximum(low, disc.chord_start), np.minimum(high, disc.chord_stop)) if disc else (low, high)

    def _stretches(self, lines: np.ndarray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of likeness to an outward step, and counts, of lines between positions."""
        sums, counts = self.sums.between(self.direction[lines], self.offset[lines], start, np.maximum(stop, start))
        return sums * (self.outward[lines] * self.sign), counts

    def _pruned(self, sides: tuple[int, ...], disc: "_Ring | None"):
        """(evidence, sides, disc) without the edges that do not stand on their own, the weakest removed first.

        A lone tilted side is none: metal rods leave such edges.
        """
        least = LEAST_LENGTH * self.size
        while sides or disc:
            margins = []
            if sides:
                lines = np.array(sides)
                low, high = self._inside(list(sides), disc)
                sums, counts = self._stretches(lines, low[lines], high[lines])
                support = sums / np.maximum(counts, 1) - self.expected[lines] - SUPPORT_GAP
                margins = list(np.where(counts >= least, support, -np.inf))
            if disc:
                likeness, count = disc.arcs(disc.within[list(sides)].all(0)[None])
                good = count[0] >= 2 * least
                margins.append(likeness[0] / max(count[0], 1) - disc.expected - SUPPORT_GAP if good else -np.inf)
            weakest = int(np.argmin(margins))
            if margins[weakest] >= 0:
                break
            disc = None if weakest == len(sides) else disc
            sides = tuple(s for i, s in enumerate(sides) if i != weakest)
        if len(sides) == 1 and not disc and not self.upright[sides[0]]:
            return 0.0, (), None
        return self._evidence(sides, disc), sides, disc

    # -- refinement

    def _refined(self, sides: tuple[int, ...], disc: "_Ring | None") -> tuple[Side, ...]:
        """The sides, moved by fractions of pixels and of directions to where their stretch is likest to a step."""
        low, high = self._inside(list(sides), disc)
        reach = self.sums.half
        return tuple(self._refined_side(i, max(low[i], -reach), min(high[i], reach)) for i in sides)

    def _refined_side(self, i: int, start: float, stop: float) -> Side:
        """One side, turned about the middle of its stretch from ``start`` to ``stop`` and shifted across it."""
        rows, cols = self.shape
        first, middle = self.sums.angles[self.direction[i]], (start + stop) / 2
        angle = (first + np.pi / DIRECTIONS * np.linspace(-0.6, 0.6, 7))[:, None, None]
        offset = self.offset[i] + np.linspace(-1.5, 1.5, 7)[:, None]
        center_x = offset * np.cos(first) - middle * np.sin(first)
        center_y = offset * np.sin(first) + middle * np.cos(first)
        along = np.linspace(start, stop, max(2, int(stop - start))) - middle
        where = np.stack([center_y + along * np.cos(angle) + (rows - 1) / 2,
                          center_x - along * np.sin(angle) + (cols - 1) / 2])
        right, down = (ndimage.map_coordinates(a, where, order=1) for a in (self.steps.right, self.steps.down))
        likeness = (right * np.cos(angle) + down * np.sin(angle)).sum(2) * (self.outward[i] * self.sign)
        turned, shifted = np.unravel_index(np.argmax(likeness), likeness.shape)
        best = float(angle[turned, 0, 0])
        outside = float(center_x[shifted, 0] * np.cos(best) + center_y[shifted, 0] * np.sin(best))
        return Side(best, outside) if self.outward[i] > 0 else Side(best + np.pi, -outside)


class _Ring:
    """A disc's edge: likeness to an outward step at points on it, and what candidate sides leave of it."""

    def __init__(self, disc: Disc, expected: float, search: FieldSearch):
        self.disc, self.expected = disc, expected
        rows, cols = search.shape
        turn = np.arange(max(16, int(2 * np.pi * disc.radius))) / disc.radius
        c, s = np.cos(turn), np.sin(turn)
        x, y = disc.x + disc.radius * c, disc.y + disc.radius * s
        u, v = np.rint(x + (cols - 1) / 2).astype(int), np.rint(y + (rows - 1) / 2).astype(int)
        seen = (u >= 0) & (u < cols) & (v >= 0) & (v < rows)
        u, v = np.clip(u, 0, cols - 1), np.clip(v, 0, rows - 1)
        self.counted = seen & search.steps.measured[v, u]
        self.likeness = search.sign * (search.steps.right[v, u] * c + search.steps.down[v, u] * s) * self.counted
        angle = search.sums.angles[search.direction]
        normal_x, normal_y = np.cos(angle), np.sin(angle)
        distance = normal_x[:, None] * x + normal_y[:, None] * y
        self.within = (distance - search.offset[:, None]) * search.outward[:, None] <= 0
        across = search.offset - (disc.x * normal_x + disc.y * normal_y)
        middle = -disc.x * normal_y + disc.y * normal_x
        half = np.sqrt(np.maximum(disc.radius ** 2 - across ** 2, 0))
        self.chord_start, self.chord_stop = middle - half, middle + half

    def arcs(self, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of likeness and counts of the points within, for each row of ``within`` (n, points)."""
        inside = within & self.counted
        return inside @ self.likeness, inside.sum(1)
