"""From stored values to an image like a line integral: larger where more of the beam is attenuated."""

import numpy as np

from xvrcore.xray import RISES_WITH_INTENSITY
from xvrcore.xray_io.picture import Picture

DARKEST = 1e-3
"""Intensities below this share of the brightest are beneath scatter and noise: the logarithm is cut there."""
CLIPPED_PERCENT = (0.2, 99.8)


def line_integral(picture: Picture, polarity: int) -> np.ndarray:
    """Values (rows, cols) float32 that rise with attenuation, in free affine units.

    Values linear to intensity give ``-log(I / I0)``; a logarithm or an unknown display curve is monotone and
    is taken as it is, turned if need be.
    """
    if picture.encoding.value != "LIN":
        return -polarity * picture.values
    intensity = _intensity(picture, polarity)
    brightest = np.percentile(intensity[::4, ::4], 99.8)
    floor = max(DARKEST * brightest, np.finfo(np.float32).tiny)
    return -np.log(np.maximum(intensity, floor) / max(brightest, floor))


def _intensity(picture: Picture, polarity: int) -> np.ndarray:
    """Beam intensity from zero, of values linear to it in either sense."""
    if polarity == RISES_WITH_INTENSITY:
        return picture.values - min(0.0, float(picture.values.min()))
    top = float(picture.values.max()) if picture.value_range is None else picture.value_range[1]
    return top - picture.values


def clipped(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with its outermost 0.2 percent on either side, as seen inside the mask, cut off."""
    step = max(1, round(max(image.shape) / 512))
    sample = image[::step, ::step][mask[::step, ::step]]
    low, high = np.percentile(sample if len(sample) else image[mask], CLIPPED_PERCENT)
    return np.clip(image, low, high).astype(np.float32)
