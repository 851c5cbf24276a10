"""X-rays that came through a color format."""

from pathlib import Path

import numpy as np

from xvrcore.errors import InputError

CHANNEL_TOLERANCE = 8
"""Of 255: what lossy compression makes of equal channels."""


def one_channel(values: np.ndarray, path: Path) -> np.ndarray:
    """The gray picture (..., rows, cols) of one with channels last, gray, RGB or either with opacity.

    :raises InputError: the channels differ, so that it is truly colored.
    """
    colors = values[..., :3] if values.shape[-1] >= 3 else values[..., :1]
    full = np.iinfo(values.dtype).max if np.issubdtype(values.dtype, np.integer) else max(float(values.max()), 1.0)
    if np.ptp(colors.astype(np.float64), axis=-1).max() > CHANNEL_TOLERANCE * full / 255:
        raise InputError(f"{path} is a color image; export the X-ray in gray.")
    return np.ascontiguousarray(colors[..., 0])
