"""Pixels that hold no picture: constant surrounds that devices paint around the field."""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

LEAST_SHARE_OF_BORDER = 0.08
CONVEXITY = 0.97


def blanked(values: np.ndarray) -> np.ndarray:
    """True on a constant surround that touches the image's border and leaves a convex field.

    The convexity tells painted surrounds (margins, circles, octagons) from air that saturates around the
    patient, which is a picture.
    """
    border = np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
    result = np.zeros(values.shape, bool)
    tolerance = 0.003 * float(np.ptp(values))
    for extreme in (values.min(), values.max()):
        if (np.abs(border - extreme) <= tolerance).mean() < LEAST_SHARE_OF_BORDER:
            continue
        flat = ndimage.binary_opening(np.abs(values - extreme) <= tolerance, np.ones((3, 3)), border_value=1)
        surround = _touching_border(flat)
        if surround.any() and not surround.all() and _is_convex(~surround):
            result |= surround
    return result


def _touching_border(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.isin(labels, np.unique(border[border > 0]))


def _is_convex(field: np.ndarray) -> bool:
    rows = np.flatnonzero(field.any(1))
    first, last = field[rows].argmax(1), field.shape[1] - 1 - field[rows, ::-1].argmax(1)
    corners = np.concatenate([np.c_[rows + dv, first - 0.5] for dv in (-0.5, 0.5)]
                             + [np.c_[rows + dv, last + 0.5] for dv in (-0.5, 0.5)])
    return bool(field.sum() >= CONVEXITY * ConvexHull(corners).volume)
