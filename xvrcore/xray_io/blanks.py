"""Pixels that hold no picture: surrounds painted around the field, and text burned into it."""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

WORKING_PIXELS = 256
"""Surrounds are sought in a picture sampled down to about this many pixels along its longer side."""
LEAST_SHARE_OF_BORDER = 0.08
CONVEXITY = 0.95
CONSTANT_SHARE = 0.9
"""Markers are written into surrounds: so much of it is constant at least."""
CRISP_STEP, CRISP_SHARE = 0.03, 0.6
"""A painted edge jumps by this share of the value range, along this share of its length."""
EDGE_DEPTH, DEEP, FULL_STRENGTH = 2, 12, 0.7
"""Pixels inside the edge where the jump is measured, and where the picture is it is compared with."""
FLAT = 0.003
"""Values this close together, as a share of the range, are one value: lossy compression makes some grain."""
TEXT_CONTRAST = 0.3
"""Text stands out from its surroundings by this share of the value range."""
STROKE, TEXT_WINDOW = 9, 15
"""Pixels that a stroke is narrower than, and of those surroundings."""
LEAST_TEXT, MOST_TEXT = 30, 0.03
"""Pixels that are not just the noise's extremes; and the largest share of the picture that can be text."""


def surround(values: np.ndarray) -> np.ndarray:
    """True on a constant surround that touches the image's border and leaves a convex, crisply cut field.

    Air that saturates around a patient is constant too, but it is a picture: its edge is neither convex nor crisp.
    """
    step = max(1, max(values.shape) // WORKING_PIXELS)
    sampled = values[::step, ::step]
    border = np.concatenate([sampled[0], sampled[-1], sampled[1:-1, 0], sampled[1:-1, -1]])
    result = np.zeros(sampled.shape, bool)
    reach = float(np.ptp(sampled))
    for value in {sampled.min(), sampled.max(), _most_common(border)}:
        if (np.abs(border - value) <= FLAT * reach).mean() >= LEAST_SHARE_OF_BORDER:
            result |= _painted(np.abs(sampled - value) / reach)
    return result.repeat(step, 0).repeat(step, 1)[:values.shape[0], :values.shape[1]]


def _most_common(values: np.ndarray) -> float:
    known, count = np.unique(values, return_counts=True)
    return known[np.argmax(count)]


def _painted(distance: np.ndarray) -> np.ndarray:
    """The surround of one value, ``distance`` telling how far pixels are from it as a share of the range."""
    flat = distance <= FLAT
    constant = _touching_border(ndimage.binary_opening(flat, np.ones((3, 3)), border_value=1))
    none = np.zeros(flat.shape, bool)
    if constant.all():
        return none
    field = _largest(~constant)
    hull, share = _convex_hull(field)
    if hull.all() or flat[~hull].mean() < CONSTANT_SHARE or share < CONVEXITY:
        return none
    return ~hull if _is_cut(distance, hull) else none


def _touching_border(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.isin(labels, np.unique(border[border > 0]))


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count > 1 else mask


def _convex_hull(field: np.ndarray) -> tuple[np.ndarray, float]:
    """The convex hull (rows, cols) of a region of pixels, and the share of it that the region fills."""
    rows = np.flatnonzero(field.any(1))
    first, last = field[rows].argmax(1), field.shape[1] - 1 - field[rows, ::-1].argmax(1)
    corners = np.concatenate([np.c_[edge, rows + dv] for edge in (first - 0.5, last + 0.5) for dv in (-0.5, 0.5)])
    hull = ConvexHull(corners)
    u, v = np.arange(field.shape[1]), np.arange(field.shape[0])[:, None]
    inside = np.ones(field.shape, bool)
    for a, b, c in np.unique(hull.equations.round(9), axis=0):
        inside &= a * u + b * v + c <= 1e-6
    return inside, float(field.sum() / hull.volume)


def _is_cut(distance: np.ndarray, field: np.ndarray) -> bool:
    """Whether the picture begins at full strength along the field's edge, as it does not at a patient's skin."""
    near, deep = (distance[_rim(field, depth)] for depth in (EDGE_DEPTH, DEEP))
    return bool(near.size and (near > CRISP_STEP).mean() >= CRISP_SHARE
                and (not deep.size or np.median(near) >= FULL_STRENGTH * np.median(deep)))


def _rim(field: np.ndarray, depth: int) -> np.ndarray:
    """The pixels at one depth inside the field, none along the image's border."""
    inner = ndimage.binary_erosion(field, iterations=depth, border_value=1)
    return inner & ~ndimage.binary_erosion(inner, border_value=1)


def burned_in(values: np.ndarray) -> np.ndarray:
    """True on and around thin marks of the picture's extreme values: text and lines burned into it."""
    marks = np.zeros(values.shape, bool)
    reach = float(np.ptp(values))
    for extreme in (values.min(), values.max()):
        thin = _thin(values == extreme)
        if LEAST_TEXT <= thin.sum() <= MOST_TEXT * thin.size:
            around = ndimage.uniform_filter(values, TEXT_WINDOW, mode="nearest")
            marks |= thin & (np.abs(around - extreme) > TEXT_CONTRAST * reach)
    return ndimage.binary_dilation(marks, np.ones((3, 3)), iterations=2) if marks.any() else marks


def _thin(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask too narrow for a square of ``STROKE`` pixels."""
    wide = ndimage.maximum_filter(ndimage.minimum_filter(mask.view(np.uint8), STROKE), STROKE)
    return mask & ~wide.view(bool)
