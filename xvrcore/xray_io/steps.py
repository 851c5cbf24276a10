"""How much each pixel's surroundings look like a step, independent of contrast: what blades leave in a picture."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

STEP_SIGMA, NEIGHBORHOOD_SIGMA = 1.0, 3.0
"""In pixels of the reduced picture: the width of the step, and of the surroundings that it must dominate."""
WHITE_RATIO, STRUCTURE_RATIO = 0.102, 6.0
LEAST_STRUCTURE = 0.005
BLADE_WIDTH = 5
LEAST_STEP = 0.01
"""Steps below this share of the picture's range are as good as none."""


@dataclass(frozen=True)
class Steps:
    """Likeness (-1..1) to a step rising to the right and downwards, both (rows, cols), 0 where not ``measured``."""

    right: np.ndarray
    down: np.ndarray
    measured: np.ndarray
    structured: np.ndarray


def step_likeness(image: np.ndarray, valid: np.ndarray) -> Steps:
    """Gradient over local deviation: a step of height h has h / (sigma sqrt(2 pi)) and h / 2 at its edge.

    :param valid: (rows, cols) bool; near other pixels and near the border nothing is measured.
    """
    low, high = np.percentile(image[valid], [2, 98])
    reach = max(high - low, np.finfo(np.float32).tiny)
    image = _continued(np.clip(image, low - reach, high + reach) / reach, valid)
    around = ndimage.gaussian_filter(image, NEIGHBORHOOD_SIGMA)
    variance = ndimage.gaussian_filter((image - around) ** 2, NEIGHBORHOOD_SIGMA)
    noise = np.median(np.abs(ndimage.laplace(image)[valid])) / 0.6745 / np.sqrt(20)
    scale = 1.6 / np.sqrt(variance + noise ** 2 + LEAST_STEP ** 2)
    measured = ndimage.binary_erosion(valid, iterations=2)
    def g(order):
        return ndimage.gaussian_filter(image, STEP_SIGMA, order=order) - 0.65 * ndimage.gaussian_filter(image, NEIGHBORHOOD_SIGMA, order=order)
    right = g((0, 1)) * scale
    down = g((1, 0)) * scale
    structured = _structured(image) & measured
    right, down = _thin(np.clip(right, -1, 1), 1), _thin(np.clip(down, -1, 1), 0)
    return Steps(right * measured, down * measured, measured, structured)


def _thin(likeness: np.ndarray, axis: int) -> np.ndarray:
    """Less what stands ``BLADE_WIDTH`` pixels before and after: a blade's edge is narrow, a body's flank is not."""
    before, after = (np.roll(likeness, by, axis) for by in (BLADE_WIDTH, -BLADE_WIDTH))
    sense = np.sign(likeness)
    flank = np.maximum(np.maximum(sense * before, sense * after), 0)
    return sense * np.maximum(np.abs(likeness) - flank, 0)


def _continued(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The image with its nearest valid pixel's value wherever it is not valid."""
    if valid.all():
        return image
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _structured(image: np.ndarray) -> np.ndarray:
    """Where the picture varies more at the scale of anatomy than its finest grain explains.

    Behind a blade there is nothing but smooth scatter and noise. ``WHITE_RATIO`` is the ratio of the two
    variances for white noise.
    """
    fine = ndimage.uniform_filter(image, 3)
    grain = ndimage.uniform_filter((image - fine) ** 2, 5)
    shape = ndimage.uniform_filter((fine - ndimage.uniform_filter(image, 7)) ** 2, 5)
    return shape > STRUCTURE_RATIO * WHITE_RATIO * grain + LEAST_STRUCTURE ** 2
