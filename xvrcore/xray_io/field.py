"""The collimated field found in the picture itself, whatever the header says.

Blades and image intensifiers leave a mark that anatomy hardly ever does: along a whole straight line or
circle the attenuation rises outwards as a step. A field is an intersection of half planes and at most one
disc. Its *evidence* is the sum, along those parts of its edges that lie in the image, of the likeness to
an outward step (:mod:`xvrcore.xray_io.steps`) less ``EXPECTED``; the field with the most evidence is taken.
Evidence for the same picture taken the other way round follows from the same sums, with their sign turned.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from xvrcore.xray_io.steps import Steps, step_likeness

WORKING_PIXELS = 128
DIRECTIONS = 60
"""Line directions over 180 degrees."""
EXPECTED, DOUBT = 0.35, 0.8
SUPPORT_GAP = 0.15
"""Mean likeness that an edge must exceed to count in favor of a field."""
LEAST_LENGTH = 0.12
"""A side is seen over at least this share of the image's longer side."""
LEAST_AREA = 0.04
OFF_CENTER = 0.1
EDGE_WIDTH = 7
LEAST_GAIN = 4.0
CANDIDATES, STARTS = 40, 4


@dataclass(frozen=True)
class Side:
    """The half plane ``x cos(angle) + y sin(angle) <= offset``; pixels from the image's center."""

    angle: float
    offset: float


@dataclass(frozen=True)
class Disc:
    """Pixels from the image's center."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Field:
    """Half planes and disc in pixels of an image of ``shape``; ``evidence`` in pixels of the working image."""

    shape: tuple[int, int]
    sides: tuple[Side, ...] = ()
    disc: Disc | None = None
    evidence: float = 0.0

    @property
    def kind(self) -> str:
        names = [f"{len(self.sides)} straight sides"] * bool(self.sides) + ["a circle"] * bool(self.disc)
        return " and ".join(names) or "none"

    @property
    def mask(self) -> np.ndarray:
        """(rows, cols) bool, True inside."""
        rows, cols = self.shape
        y, x = np.arange(rows)[:, None] - (rows - 1) / 2, np.arange(cols) - (cols - 1) / 2
        inside = np.ones(self.shape, bool)
        for side in self.sides:
            inside &= x * np.cos(side.angle) + y * np.sin(side.angle) <= side.offset
        if self.disc:
            inside &= (x - self.disc.x) ** 2 + (y - self.disc.y) ** 2 <= self.disc.radius ** 2
        return inside


def find_fields(image: np.ndarray, valid: np.ndarray) -> tuple[Field, Field]:
    """The field of a picture that rises with attenuation, and that of the same picture taken the other way.

    :param image: (rows, cols), like a line integral.
    :param valid: (rows, cols) bool, False where the picture is blanked; edges against it are no evidence.
    """
    factor = max(1, round(max(image.shape) / WORKING_PIXELS))
    steps = step_likeness(_reduced(image, factor), _reduced(valid.astype(np.float32), factor) > 0.99)
    sums = _LineSums(steps)
    return tuple(_enlarged(_Search(steps, sums, sign).best(), image.shape, factor) for sign in (1, -1))


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks; a remainder at the right and lower border is dropped."""
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[:rows * factor, :cols * factor].reshape(rows, factor, cols, factor)
    return blocks.mean((1, 3), dtype=np.float32)


def _enlarged(found: Field, shape: tuple[int, int], factor: int) -> Field:
    """The field in pixels of the whole image, whose center lies a little off the working image's."""
    dy, dx = ((factor * n - 1) / 2 - (full - 1) / 2 for n, full in zip(found.shape, shape, strict=True))
    sides = tuple(Side(s.angle, s.offset * factor + dx * np.cos(s.angle) + dy * np.sin(s.angle)) for s in found.sides)
    disc = found.disc and Disc(found.disc.x * factor + dx, found.disc.y * factor + dy, found.disc.radius * factor)
    return Field(shape, sides, disc, found.evidence)


# ---------------------------------------------------------------- sums along lines


@lru_cache(maxsize=4)
def _line_pixels(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, int]:
    """Flat pixel index (direction, offset, position) of points on lines, -1 outside; angles; half the diagonal."""
    rows, cols = shape
    half = int(np.ceil(np.hypot(rows, cols) / 2))
    along = np.arange(-half, half + 1, dtype=np.float32)
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    index = np.empty((DIRECTIONS, len(along), len(along)), np.int32)
    for i, (c, s) in enumerate(zip(np.cos(angles), np.sin(angles), strict=True)):
        u = np.rint(along[:, None] * c - along * s + (cols - 1) / 2).astype(np.int32)
        v = np.rint(along[:, None] * s + along * c + (rows - 1) / 2).astype(np.int32)
        index[i] = np.where((u >= 0) & (u < cols) & (v >= 0) & (v < rows), v * cols + u, rows * cols)
    return index, angles, half


class _LineSums:
    """Running sums along lines (direction, offset, position) of the likeness across them, and of the pixels counted."""

    def __init__(self, steps: Steps):
        index, self.angles, self.half = _line_pixels(steps.right.shape)
        right, down = (np.append(a, 0).astype(np.float32) for a in (steps.right, steps.down))
        counted = np.append(steps.measured, False)
        self.likeness = np.empty(index.shape, np.float32)
        for i, angle in enumerate(self.angles):
            self.likeness[i] = (right * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle)))[index[i]]
        self.counted = counted[index]
        self.running = np.cumsum(self.likeness, axis=2, dtype=np.float32)
        self.counts = np.cumsum(self.counted, axis=2, dtype=np.float32)
        self.structured = np.append(steps.structured, False)[index].sum(2)
        self.measured = self.counts[:, :, -1]

    def best_stretch(self, sign: int, expected: np.ndarray) -> np.ndarray:
        """Most evidence (direction, offset) that a stretch of each line has, for outward steps along +-normal."""
        total = sign * self.running - expected[:, :, None] * self.counts
        return (total - np.minimum.accumulate(total, axis=2)).max(axis=2)

    def expected(self, outward: int) -> np.ndarray:
        """The mean likeness (direction, offset) above which a line is evidence: more if structure lies beyond it."""
        seen, structured = (np.roll(a[:, ::-outward].cumsum(1)[:, ::-outward], -EDGE_WIDTH * outward, 1)
                            for a in (self.measured, self.structured))
        beyond = np.arange(-self.half, self.half + 1) * outward <= self.half - EDGE_WIDTH
        share = np.where(beyond, structured / np.maximum(seen, 1), 0)
        return (EXPECTED + DOUBT * np.minimum(share, 0.5)).astype(np.float32)

    def between(self, direction, offset, start, stop) -> tuple[np.ndarray, np.ndarray]:
        """Sum of likeness and count between positions on lines, all arrays of one shape."""
        first, last = (np.clip(np.rint(p), -self.half, self.half).astype(int) + self.half for p in (start, stop))
        row = np.clip(np.rint(offset), -self.half, self.half).astype(int) + self.half
        return (self.running[direction, row, last] - self.running[direction, row, first],
                self.counts[direction, row, last] - self.counts[direction, row, first])


# ---------------------------------------------------------------- search
class _Search:
    """The field with the most evidence among intersections of candidate sides and discs, for one polarity."""

    def __init__(self, steps: Steps, sums: _LineSums, sign: int):
        self.steps, self.sums, self.sign = steps, sums, sign
        self.shape = steps.right.shape
        self.direction, self.outward, self.offset, self.expected = self._candidate_sides()
        self.low, self.high = self._crossings()
        self.together = self._together()
        self.discs = self._candidate_discs()

    def best(self) -> Field:
        starts = [((i,), None) for i in range(min(STARTS, len(self.offset)))] + [((), d) for d in self.discs[:1]]
        grown = [self._grown(*start) for start in starts]
        evidence, sides, disc = max(grown, key=lambda g: g[0], default=(0.0, (), None))
        if evidence <= 0:
            return Field(self.shape)
        found = Field(self.shape, tuple(self._side(i) for i in sides), disc and disc.disc, evidence)
        return found if found.mask.mean() >= LEAST_AREA else Field(self.shape)

    def _side(self, i: int) -> Side:
        turn = 0.0 if self.outward[i] > 0 else np.pi
        return Side(float(self.sums.angles[self.direction[i]] + turn), float(self.offset[i] * self.outward[i]))

    def _candidate_sides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Direction, outward sense (+-1) and line offset of distinct sides, those with the most evidence first."""
        expected = np.stack([self.sums.expected(outward) for outward in (1, -1)])
        evidence = np.stack([self.sums.best_stretch(self.sign * o, e) for o, e in zip((1, -1), expected, strict=True)])
        around_center = np.arange(-self.sums.half, self.sums.half + 1) * np.array([[1], [-1]]) > -OFF_CENTER * max(self.shape)
        tilt = np.minimum(np.arange(DIRECTIONS) % 15, 15 - np.arange(DIRECTIONS) % 15) <= 3
        evidence = np.where(tilt[:, None] & around_center[:, None], evidence, 0)
        order = np.argsort(-evidence, axis=None)[:1500]
        sense, direction, row = np.unravel_index(order, evidence.shape)
        enough = evidence.ravel()[order] > LEAST_LENGTH * max(self.shape) * SUPPORT_GAP
        kept: list[int] = []
        for i in np.flatnonzero(enough):
            turn = np.abs(direction[kept] - direction[i])
            turn = np.minimum(turn, DIRECTIONS - turn)
            if not ((sense[kept] == sense[i]) & (turn <= 3) & (np.abs(row[kept] - row[i]) <= 3)).any():
                kept.append(int(i))
                if len(kept) == CANDIDATES:
                    break
        return direction[kept], 1 - 2 * sense[kept], row[kept] - self.sums.half, expected[sense[kept], direction[kept], row[kept]]

    def _crossings(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (j, i) on line i from which and up to which side j leaves it."""
        angle = self.sums.angles[self.direction]
        across = np.stack([np.cos(angle), np.sin(angle)], 1)
        along = np.stack([-np.sin(angle), np.cos(angle)], 1)
        normal = across * self.outward[:, None]
        slope = normal @ along.T
        room = (self.offset * self.outward)[:, None] - (normal @ across.T) * self.offset
        with np.errstate(divide="ignore", invalid="ignore"):
            at = room / slope
        parallel = np.abs(slope) < 1e-6
        low = np.where(parallel, np.where(room < 0, np.inf, -np.inf), np.where(slope < 0, at, -np.inf))
        high = np.where(parallel, np.inf, np.where(slope > 0, at, np.inf))
        return low, high

    def _together(self) -> np.ndarray:
        """Which sides (i, j) one collimator can have: of one tilt, each facing its own way."""
        turn = self.direction + np.where(self.outward > 0, 0, DIRECTIONS)
        apart = (turn[:, None] - turn) % (2 * DIRECTIONS)
        off = apart % (DIRECTIONS // 4)
        same_tilt = np.minimum(off, DIRECTIONS // 4 - off) <= 1
        same_way = np.minimum(apart, 2 * DIRECTIONS - apart) <= 2
        return same_tilt & ~same_way

    # -- discs

    def _candidate_discs(self) -> list["_Ring"]:
        rows, cols = self.shape
        step = 0.04 * max(rows, cols)
        found = sorted((self._disc_at(x * step, y * step) for x in range(-2, 3) for y in range(-2, 3)),
                       key=lambda f: -f[0])[:1]
        while step > 0.7:
            step /= 2
            disc = found[0][1]
            found = sorted((self._disc_at(disc.x + i * step, disc.y + j * step) for i in (-1, 0, 1) for j in (-1, 0, 1)),
                           key=lambda f: -f[0])[:1]
        return [_Ring(disc, expected, self) for evidence, disc, expected in found if evidence > 0]

    def _disc_at(self, x: float, y: float) -> tuple[float, Disc, float]:
        """The best radius about one center; stretches where a blade cuts the circle off count little."""
        rows, cols = self.shape
        v, u = np.mgrid[:rows, :cols] - np.array([(rows - 1) / 2 + y, (cols - 1) / 2 + x])[:, None, None]
        radius = np.hypot(v, u)
        outward = self.sign * (self.steps.right * u + self.steps.down * v) / np.maximum(radius, 1)
        measured = self.steps.measured
        bins = np.rint(radius[measured]).astype(int)
        evidence = np.bincount(bins, np.maximum(outward[measured] - EXPECTED, -0.15))
        evidence[:int(0.3 * min(rows, cols))] = -1
        beyond = np.bincount(bins)[::-1].cumsum()[::-1]
        structured = np.bincount(bins, self.steps.structured[measured])[::-1].cumsum()[::-1]
        share = np.r_[structured / beyond, np.zeros(EDGE_WIDTH)][EDGE_WIDTH:]
        expected = EXPECTED + DOUBT * np.minimum(share, 0.5)
        evidence -= np.bincount(bins) * (expected - EXPECTED)
        at = int(np.argmax(evidence))
        return float(evidence[at]), Disc(x, y, float(at)), float(expected[at])

    # -- growth

    def _grown(self, sides: tuple[int, ...], disc: "_Ring | None"):
        """(evidence, sides, disc) after sides, a disc or removals have been taken while they add evidence."""
        current = (self._evidence(sides, disc), sides, disc)
        while True:
            evidence, sides, disc = current
            fitting = np.flatnonzero(self.together[list(sides)].all(0))
            options = [(self._evidence((*sides, i), disc), (*sides, i), disc) for i in map(int, fitting)]
            options += [(self._evidence(sides, d), sides, d) for d in self.discs if disc is None]
            options += [(self._evidence(less, disc), less, disc) for less in
                        (tuple(s for s in sides if s != out) for out in sides) if less or disc]
            best = max(options, key=lambda o: o[0], default=current)
            if best[0] <= evidence + LEAST_GAIN:
                return self._pruned(*current[1:])
            current = best

    def _stretches(self, sides, disc):
        """Sums of likeness and counts of each side's stretch within all the others."""
        chosen = np.array(sides, int)
        low, high = self.low[np.ix_(chosen, chosen)].max(0), self.high[np.ix_(chosen, chosen)].min(0)
        if disc:
            start, stop = disc.chords(self, chosen)
            low, high = np.maximum(low, start), np.minimum(high, stop)
        high = np.maximum(high, low)
        sums, counts = self.sums.between(self.direction[chosen], self.offset[chosen], low, high)
        return sums * self.outward[chosen] * self.sign, counts

    def _evidence(self, sides, disc) -> float:
        total = 0.0
        if sides:
            sums, counts = self._stretches(sides, disc)
            total += float((sums - self.expected[list(sides)] * counts).sum())
        if disc:
            likeness, count = disc.arc(sides)
            total += likeness - disc.expected * count
        return total

    def _pruned(self, sides, disc):
        """Without the sides and the disc that do not stand on their own."""
        least = LEAST_LENGTH * max(self.shape)
        while True:
            keep = sides
            if sides:
                sums, counts = self._stretches(sides, disc)
                good = (counts >= least) & (sums >= (self.expected[list(sides)] + SUPPORT_GAP) * counts)
                keep = tuple(s for s, g in zip(sides, good, strict=True) if g)
            if disc:
                likeness, count = disc.arc(keep)
                if count < 2 * least or likeness < (disc.expected + SUPPORT_GAP) * count:
                    disc, keep = None, keep
                    if keep != sides or sides:
                        sides = keep
                        continue
            if keep == sides:
                return self._evidence(sides, disc), sides, disc
            sides = keep


class _Ring:
    """A disc's edge: likeness to an outward step at points on it, and which candidate sides they are within."""

    def __init__(self, disc: Disc, expected: float, search: _Search):
        self.disc, self.expected = disc, expected
        rows, cols = search.shape
        count = max(16, int(2 * np.pi * disc.radius))
        turn = np.arange(count) * 2 * np.pi / count
        c, s = np.cos(turn), np.sin(turn)
        x, y = disc.x + disc.radius * c, disc.y + disc.radius * s
        u, v = np.rint(x + (cols - 1) / 2).astype(int), np.rint(y + (rows - 1) / 2).astype(int)
        seen = (u >= 0) & (u < cols) & (v >= 0) & (v < rows)
        u, v = np.clip(u, 0, cols - 1), np.clip(v, 0, rows - 1)
        self.counted = seen & search.steps.measured[v, u]
        self.likeness = search.sign * (search.steps.right[v, u] * c + search.steps.down[v, u] * s) * self.counted
        angle = search.sums.angles[search.direction]
        distance = (np.cos(angle)[:, None] * x + np.sin(angle)[:, None] * y) * search.outward[:, None]
        self.within = distance <= (search.offset * search.outward)[:, None]

    def arc(self, sides) -> tuple[float, float]:
        """Sum of likeness and count of the points within all given sides."""
        inside = self.within[list(sides)].all(0) & self.counted
        return float(self.likeness[inside].sum()), float(inside.sum())

    def chords(self, search: _Search, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions between which the chosen lines run inside the disc."""
        angle = search.sums.angles[search.direction[chosen]]
        across = search.offset[chosen] - (self.disc.x * np.cos(angle) + self.disc.y * np.sin(angle))
        middle = -self.disc.x * np.sin(angle) + self.disc.y * np.cos(angle)
        half = np.sqrt(np.maximum(self.disc.radius ** 2 - across ** 2, 0))
        return middle - half, middle + half
