"""Ways to see whether an X-ray and a DRR agree.

Gray pictures are (rows, cols) float in 0..1, larger behind more attenuation (bone bright); what comes out is
(rows, cols, 3) uint8 RGB. Nothing here knows files, cameras or colors of segments.
"""

import numpy as np
from scipy import ndimage

DISPLAYED_PERCENTILES = (0.5, 99.5)
"""Values beyond these, inside the field, are shown black and white."""
DIMMED = 0.25
"""Brightness left outside the X-ray's field."""
XRAY_TINT, DRR_TINT = np.array([1.0, 0.25, 0.2]), np.array([0.0, 0.75, 0.8])
"""They add up to white, so that what agrees is gray."""
EDGE_COLOR = np.array([0.25, 1.0, 0.45])
EDGE_SHARE, STRONG_SHARE = 0.06, 0.02
"""Parts of the field's pixels that edges may cover, and that are strong enough to hold a line of weaker ones."""
BACKGROUND_SHARE = 0.15
"""How much of the slow changes over an image is left beside its fine structure."""
GRAINS_ACROSS = 600
"""Grains so fine that this many fit along the longer side are smoothed away."""
SQUARES = 8


def windowed(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An image stretched so that what lies inside the mask spans black to white."""
    inside = image[mask] if mask.any() else image
    low, high = np.percentile(inside, DISPLAYED_PERCENTILES)
    return np.clip((image - low) / max(high - low, 1e-12), 0, 1)


def enhanced(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An image with its fine structure raised against slow changes, as X-ray stations do; any affine units."""
    side = max(3, max(image.shape) // 8)
    weight = mask + 1e-3                                # so that the field's edge casts no halo inwards

    def smooth(values):
        return ndimage.uniform_filter(ndimage.uniform_filter(values, side, mode="nearest"), side, mode="nearest")

    background = smooth(image * weight) / smooth(weight)
    fine = ndimage.gaussian_filter(image, max(image.shape) / GRAINS_ACROSS)
    return BACKGROUND_SHARE * background + fine - background


def matched(drr: np.ndarray, gray: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A DRR given the gray values of an X-ray, inside the mask, by rank (histogram matching)."""
    mask = mask if mask.any() else np.ones_like(mask)
    ranks = np.linspace(0, 1, 256)
    source, target = np.quantile(drr[mask], ranks), np.quantile(gray[mask], ranks)
    source, first = np.unique(source, return_index=True)
    last = np.append(first[1:], len(target)) - 1
    return np.interp(drr, source, (target[first] + target[last]) / 2)


def rgb(gray: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """A gray picture as RGB; dimmed outside the mask if one is given."""
    if mask is not None:
        gray = gray * np.where(mask, 1, DIMMED)
    return _bytes(np.repeat(gray[..., None], 3, axis=-1))


def blend(first: np.ndarray, second: np.ndarray, share: float = 0.5) -> np.ndarray:
    """A gray mixture: ``share`` of the second picture."""
    return rgb((1 - share) * first + share * second)


def color_blend(xray: np.ndarray, drr: np.ndarray) -> np.ndarray:
    """X-ray in red, DRR in cyan: gray where they agree."""
    return _bytes(xray[..., None] * XRAY_TINT + drr[..., None] * DRR_TINT)


def checkerboard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The two pictures in turn, :data:`SQUARES` along the longer side; the first one at the top left."""
    side = max(first.shape) / SQUARES
    row, col = (np.arange(n) // side for n in first.shape)
    return rgb(np.where((row[:, None] + col) % 2 == 0, first, second))


def difference(xray: np.ndarray, drr: np.ndarray) -> np.ndarray:
    """X-ray minus DRR: orange where the X-ray is brighter, blue where the DRR is, dark where they agree."""
    signed = (xray - drr)[..., None]
    return _bytes(np.where(signed > 0, signed * [1.0, 0.6, 0.2], -signed * [0.25, 0.6, 1.0]) * 1.5)


def edges_over(xray: np.ndarray, drr: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The edges of the DRR as fine green lines on the X-ray."""
    strength = ndimage.maximum_filter(edges(drr, mask), round(max(drr.shape) / 400) or 1)[..., None]
    return _bytes(xray[..., None] * (1 - strength) + strength * EDGE_COLOR)


def edges(gray: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Ridges of the gradient, one pixel thin, 0..1 by strength, inside the mask (after Canny, PAMI 8(6), 1986)."""
    sigma = max(1.0, max(gray.shape) / 400)
    down, right = (ndimage.gaussian_filter(gray, sigma, order=order) for order in ((1, 0), (0, 1)))
    size = np.hypot(down, right)
    row, col = np.mgrid[:gray.shape[0], :gray.shape[1]]
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.nan_to_num(np.stack([down, right]) / size)
    ahead, behind = (ndimage.map_coordinates(size, np.stack([row, col]) + way * step, order=1, mode="nearest")
                     for way in (1, -1))
    ridge = (size >= ahead) & (size > behind) & ndimage.binary_erosion(mask, iterations=round(3 * sigma))
    if not ridge.any():
        return np.zeros(gray.shape)
    weak, strong = (np.quantile(size[ridge], 1 - min(1.0, share * mask.sum() / ridge.sum()))
                    for share in (EDGE_SHARE, STRONG_SHARE))
    lines, _ = ndimage.label(ridge & (size >= weak), np.ones((3, 3)))
    held = np.unique(lines[ridge & (size >= strong)])
    return np.where(np.isin(lines, held[held > 0]), np.clip(0.5 + size / max(2 * strong, 1e-12), 0, 1), 0)


def dimmed(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An RGB picture with less light outside the mask."""
    return np.where(mask[..., None], picture, (picture * DIMMED).astype(np.uint8))


def _bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
