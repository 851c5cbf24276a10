"""How much each pixel's surroundings look like a thin step, whatever its contrast: the mark that blades leave."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

STEP_SIGMA, NEIGHBORHOOD_SIGMA = 1.0, 3.0
"""In pixels: the width of the step, and of the surroundings that it must dominate."""
RAMP_SHARE = 0.65
"""How much of the wider slope is taken off: a ramp then has a likeness of 0.19, a clean step still 1."""
STEP_SCALE = 1.6
"""Makes a clean step's likeness 1: its height h gives h (0.40 - 0.65 * 0.13) of slope and h / 2 of deviation."""
BLADE_WIDTH = 5
"""A blade's edge is over within this many pixels to either side; a body's flank is not."""
LEAST_STEP = 0.01
"""Steps below this share of the picture's range are as good as none."""
WHITE_RATIO = 0.102
"""Of white noise: the variance between means of 3 x 3 and 7 x 7 pixels over that of pixels about 3 x 3 means."""
STRUCTURE_RATIO, LEAST_STRUCTURE = 6.0, 0.005
KNEE = 0.6
"""What scatter behind a blade bends where it falls off or is cut off, as a share of its slope, is no structure."""


@dataclass(frozen=True)
class Steps:
    """Maps (rows, cols): likeness (-1..1) to a step rising to the right and downwards, 0 where not ``measured``.

    ``structured`` is True where the picture varies more at the scale of anatomy than its finest grain
    explains: behind a blade there is hardly anything but smooth scatter and noise.
    """

    right: np.ndarray
    down: np.ndarray
    measured: np.ndarray
    structured: np.ndarray


def step_likeness(image: np.ndarray, valid: np.ndarray) -> Steps:
    """Slope over local deviation, thinned.

    :param valid: (rows, cols) bool; within two pixels of other pixels and of the border nothing is measured.
    """
    low, high = np.percentile(image[valid], [2, 98])
    reach = max(high - low, np.finfo(np.float32).tiny)
    image = _continued(np.clip(image, low - reach, high + reach) / reach, valid)
    around = ndimage.gaussian_filter(image, NEIGHBORHOOD_SIGMA)
    variance = ndimage.gaussian_filter((image - around) ** 2, NEIGHBORHOOD_SIGMA)
    noise = np.median(np.abs(ndimage.laplace(image)[valid])) / 0.6745 / np.sqrt(20)
    scale = STEP_SCALE / np.sqrt(variance + noise ** 2 + LEAST_STEP ** 2)
    measured = ndimage.binary_erosion(valid, iterations=2)
    right, down = (_thin(np.clip(_slope(image, axis) * scale, -1, 1), axis) * measured for axis in (1, 0))
    return Steps(right, down, measured, _structured(image) & measured)


def _slope(image: np.ndarray, axis: int) -> np.ndarray:
    order = [0, 0]
    order[axis] = 1
    wide = ndimage.gaussian_filter(image, NEIGHBORHOOD_SIGMA, order=order)
    return ndimage.gaussian_filter(image, STEP_SIGMA, order=order) - RAMP_SHARE * wide


def _thin(likeness: np.ndarray, axis: int) -> np.ndarray:
    """Less what stands ``BLADE_WIDTH`` pixels before and after with the same sense."""
    sense = np.sign(likeness)
    flanks = (sense * np.roll(likeness, by, axis) for by in (BLADE_WIDTH, -BLADE_WIDTH))
    return sense * np.maximum(np.abs(likeness) - np.maximum(np.maximum(*flanks), 0), 0)


def _continued(image: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The image with its nearest valid pixel's value wherever it is not valid."""
    if valid.all():
        return image
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _structured(image: np.ndarray) -> np.ndarray:
    fine = ndimage.uniform_filter(image, 3)
    grain = ndimage.uniform_filter((image - fine) ** 2, 5)
    shape = ndimage.uniform_filter((fine - ndimage.uniform_filter(image, 7)) ** 2, 5)
    flank = ndimage.uniform_filter(ndimage.gaussian_gradient_magnitude(image, NEIGHBORHOOD_SIGMA) ** 2, 5)
    return shape > STRUCTURE_RATIO * WHITE_RATIO * grain + LEAST_STRUCTURE ** 2 + KNEE ** 2 * flank
