"""The collimated field found in the picture itself, whatever the header says.

Blades and image intensifiers leave a mark that anatomy hardly ever does: along a whole straight line or
circle the attenuation rises outwards as a step. The picture is reduced to about 190 pixels, and at every
pixel the likeness to a step in x and in y is measured, independent of contrast (:class:`_Steps`). The mean
likeness along a line or circle is its *support*, in -1..1; negative support speaks for the other polarity.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

WORKING_PIXELS = 192
SIDE_SUPPORT = 0.55
CIRCLE_SUPPORT = 0.6
CORNER_SUPPORT = 0.65
STEP_SIGMA, NEIGHBORHOOD_SIGMA = 1.0, 3.0
TILTS_DEG = np.arange(-8.0, 8.5, 1.0)
LEAST_SIDE = 0.15
"""A field is at least this share of the image in width and in height."""


@dataclass(frozen=True)
class Field:
    """What was found: ``mask`` (rows, cols) True inside; ``evidence`` 0.. grows with the length of its edges."""

    mask: np.ndarray
    kind: str
    evidence: float


@dataclass(frozen=True)
class _Steps:
    """Likeness (-1..1) to a step that rises to the right and downwards, and where it was measured."""

    right: np.ndarray
    down: np.ndarray
    inside: np.ndarray

    def turned(self) -> "_Steps":
        """The same for the other polarity."""
        return _Steps(-self.right, -self.down, self.inside)


def find_field(image: np.ndarray, valid: np.ndarray) -> tuple[Field, Field]:
    """The field of a picture that rises with attenuation, and that of the same picture taken the other way.

    :param image: (rows, cols), like a line integral.
    :param valid: (rows, cols) bool, False where the picture is blanked; edges against it are no evidence.
    """
    factor = max(1, round(max(image.shape) / WORKING_PIXELS))
    steps = _steps(_reduced(image, factor), _reduced(valid.astype(np.float32), factor) > 0.99)
    return tuple(_enlarged(_field(s), image.shape, factor) for s in (steps, steps.turned()))


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks; a remainder at the right and lower border is dropped."""
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[:rows * factor, :cols * factor].reshape(rows, factor, cols, factor)
    return blocks.mean((1, 3), dtype=np.float32)


def _enlarged(field: Field, shape: tuple[int, int], factor: int) -> Field:
    rows = np.minimum(np.arange(shape[0]) // factor, field.mask.shape[0] - 1)
    cols = np.minimum(np.arange(shape[1]) // factor, field.mask.shape[1] - 1)
    return Field(field.mask[np.ix_(rows, cols)], field.kind, field.evidence)


def _steps(image: np.ndarray, valid: np.ndarray) -> _Steps:
    """A step of height h has gradient h / (sigma sqrt(2 pi)) and local deviation h / 2 at its edge."""
    low, high = np.percentile(image[valid], [2, 98])
    image = np.clip(image, low - (high - low), high + (high - low))
    image = np.where(valid, image, np.median(image[valid]))
    around = ndimage.gaussian_filter(image, NEIGHBORHOOD_SIGMA)
    variance = ndimage.gaussian_filter(image * image, NEIGHBORHOOD_SIGMA) - around ** 2
    noise = np.median(np.abs(ndimage.laplace(image)[valid])) / 0.6745 / np.sqrt(20)
    deviation = np.sqrt(np.maximum(variance, 0) + noise ** 2 + (0.01 * (high - low)) ** 2)
    scale = STEP_SIGMA * np.sqrt(2 * np.pi) / 2 / deviation
    right = ndimage.gaussian_filter(image, STEP_SIGMA, order=(0, 1)) * scale
    down = ndimage.gaussian_filter(image, STEP_SIGMA, order=(1, 0)) * scale
    inside = ndimage.binary_erosion(valid, iterations=3)
    return _Steps(np.clip(right, -1, 1) * inside, np.clip(down, -1, 1) * inside, inside)


def _field(steps: _Steps) -> Field:
    """The best of rectangle, circle and the two together, and the corners that are cut off it."""
    everything = np.ones(steps.inside.shape, bool)
    options = [Field(everything, "none", 0.0)]
    rectangle, circle = _rectangle(steps, everything), _circle(steps, everything)
    for first, second, other in ((rectangle, "circle", _circle), (circle, "rectangle", _rectangle)):
        if first is None:
            continue
        options.append(first)
        more = other(steps, first.mask)
        if more is not None:
            options.append(Field(first.mask & more.mask, "circle and rectangle", first.evidence + more.evidence))
    return max(options, key=lambda f: f.evidence)


# ---------------------------------------------------------------- rectangle


def _rectangle(steps: _Steps, within: np.ndarray) -> Field | None:
    """The upright or slightly tilted rectangle, of which any side may be missing, with the most support."""
    return max((f for tilt in TILTS_DEG if (f := _rectangle_at(steps, within, tilt)) is not None),
               key=lambda f: f.evidence, default=None)


class _LineSums:
    """Sums of likeness along tilted lines between two bounds, for all lines at once."""

    def __init__(self, likeness: np.ndarray, counted: np.ndarray, slope: float):
        """Lines run down the rows of ``likeness``; ``slope`` is their shift in columns per row."""
        rows, cols = likeness.shape
        self.slope, self.center = slope, (cols - 1) / 2
        shift = np.rint(slope * (np.arange(rows) - (rows - 1) / 2)).astype(int)
        source = np.arange(cols)[None] + shift[:, None]
        seen = (source >= 0) & (source < cols)
        source = np.clip(source, 0, cols - 1)
        sheared = np.take_along_axis(likeness * counted, source, 1) * seen
        count = np.take_along_axis(counted, source, 1) & seen
        self.sums = np.concatenate([np.zeros((1, cols)), np.cumsum(sheared, 0)])
        self.counts = np.concatenate([np.zeros((1, cols)), np.cumsum(count, 0)])

    def between(self, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean likeness (cols) and number of pixels (cols) of each line from ``start`` to ``stop``."""
        rows, cols = self.sums.shape
        offset = -self.slope * (np.arange(cols) - self.center)
        first = np.clip(np.rint(start + offset), 0, rows - 1).astype(int)
        last = np.clip(np.rint(stop + offset), 0, rows - 1).astype(int)
        column = np.arange(cols)
        count = self.counts[last, column] - self.counts[first, column]
        return (self.sums[last, column] - self.sums[first, column]) / np.maximum(count, 1), count


def _rectangle_at(steps: _Steps, within: np.ndarray, tilt_deg: float) -> Field | None:
    counted = steps.inside & within
    slope = np.tan(np.deg2rad(tilt_deg))
    upright = _LineSums(steps.right, counted, slope)
    level = _LineSums(steps.down.T, counted.T, -slope)
    best = None
    for share in (1.0, 0.6, 0.3):
        found = _settled_sides(upright, level, share)
        evidence = sum(side[2] * (side[1] - 0.4) for side in found if side[1] > 0)
        if evidence > 0 and (best is None or evidence > best[0]):
            best = (evidence, found)
    if best is None:
        return None
    rows, cols = within.shape
    v, u = np.mgrid[:rows, :cols]
    across = u - slope * (v - (rows - 1) / 2)
    along = v + slope * (u - (cols - 1) / 2)
    left, right, top, bottom = (side[0] for side in best[1])
    mask = (across >= left) & (across <= right) & (along >= top) & (along <= bottom)
    return Field(mask, "rectangle", best[0])


def _settled_sides(upright: _LineSums, level: _LineSums, share: float) -> list[tuple[float, float, float]]:
    """Sides (left, right, top, bottom) as (position, support, length), each found between the others in turn."""
    cols, rows = upright.sums.shape[1], level.sums.shape[1]
    margin_u, margin_v = (1 - share) / 2 * cols, (1 - share) / 2 * rows
    left, right = (margin_u, 0.0, 0.0), (cols - 1 - margin_u, 0.0, 0.0)
    top, bottom = (margin_v, 0.0, 0.0), (rows - 1 - margin_v, 0.0, 0.0)
    for needed in (0.3, 0.4, SIDE_SUPPORT, SIDE_SUPPORT):
        left, right = _two_sides(upright, top[0], bottom[0], needed)
        top, bottom = _two_sides(level, left[0], right[0], needed)
    left, right = _two_sides(upright, top[0], bottom[0], SIDE_SUPPORT)
    return [left, right, top, bottom]


def _two_sides(lines: _LineSums, start: float, stop: float, needed: float):
    """The lower and the upper side among parallel lines; the image's border where support is missing."""
    support, count = lines.between(start, stop)
    size = len(support)
    long_enough = count >= max(0.6 * (stop - start), 0.5 * LEAST_SIDE * (lines.sums.shape[0] - 1))
    least = int(LEAST_SIDE * size)
    low = _best_side(np.where(long_enough, -support, -1)[:size - least], count, needed)
    low = low or (0.0, 0.0, 0.0)
    from_here = int(low[0]) + least
    high = _best_side(np.where(long_enough, support, -1)[from_here:], count[from_here:], needed)
    high = (high[0] + from_here, *high[1:]) if high else (size - 1.0, 0.0, 0.0)
    return low, high


def _best_side(support: np.ndarray, count: np.ndarray, needed: float) -> tuple[float, float, float] | None:
    if not len(support):
        return None
    at = int(np.argmax(support))
    return (float(at), float(support[at]), float(count[at])) if support[at] >= needed else None


# ---------------------------------------------------------------- circle


def _circle(steps: _Steps, within: np.ndarray) -> Field | None:
    """The circle about a point near the image's center with the most support."""
    rows, cols = within.shape
    center, step = np.array([(rows - 1) / 2, (cols - 1) / 2]), 0.04 * max(rows, cols)
    shifts = [np.array([i, j]) for i in range(-2, 3) for j in range(-2, 3)]
    best = max((_circle_at(steps, within, center + s * step) for s in shifts), key=lambda c: c[0])
    nearby = [np.array([i, j]) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    while step > 0.7:
        step /= 2
        best = max((_circle_at(steps, within, best[2] + s * step) for s in nearby), key=lambda c: c[0])
    support, radius, center, count = best
    if support < CIRCLE_SUPPORT:
        return None
    v, u = np.ogrid[:rows, :cols]
    mask = (v - center[0]) ** 2 + (u - center[1]) ** 2 <= radius ** 2
    return Field(mask, "circle", count * (support - 0.4))


def _circle_at(steps: _Steps, within: np.ndarray, center: np.ndarray) -> tuple[float, float, np.ndarray, float]:
    """(support, radius, center, pixels on it) of the best circle about one center."""
    rows, cols = within.shape
    v, u = np.mgrid[:rows, :cols] - center[:, None, None]
    radius = np.hypot(v, u)
    counted = steps.inside & within
    outward = (steps.right * u + steps.down * v) / np.maximum(radius, 1)
    bins = np.rint(radius[counted]).astype(int)
    count = np.bincount(bins)
    support = np.bincount(bins, outward[counted]) / np.maximum(count, 1)
    radii = np.arange(len(count))
    fair = (radii >= 0.3 * min(rows, cols)) & (count >= 0.25 * 2 * np.pi * radii)
    support = np.where(fair, support, -1)
    at = int(np.argmax(support))
    return float(support[at]), float(at), center, float(count[at])
