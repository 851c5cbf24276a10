"""A picture of how a network sees unseen X-rays: a few fixed ones against the CT, rendered from where it says."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from xvrcore import drawing, overlay
from xvrcore.camera import Camera
from xvrcore.files import write_whole
from xvrcore.pictures import drr_like, render, scaled_to, xray_picture
from xvrcore.training.validation import Validation

SHOWN = 4
TILE_PX = 160


def write_samples(path: Path, validation: Validation, poses: np.ndarray, mtre_mm: np.ndarray) -> None:
    """The first X-rays side by side as PNG, each headed by its error.

    Above is the X-ray, below it the DRR at the pose that a network found, and below that both, in red and cyan.

    :param poses: ``ras_from_camera`` (N, 4, 4); ``mtre_mm`` (N,) their errors.
    :raises InputError: the place cannot be written to, or is full.
    """
    strips = [(f"{error:.1f} mm", _strip(validation, number, pose))
              for number, (pose, error) in enumerate(zip(poses[:SHOWN], mtre_mm, strict=False))]
    buffer = io.BytesIO()
    Image.fromarray(drawing.beside(strips)).save(buffer, "PNG")
    write_whole(path, buffer.getvalue())


def _strip(validation: Validation, number: int, pose: np.ndarray) -> np.ndarray:
    reading = validation.xrays[number].reading
    seen = scaled_to(TILE_PX, reading.intrinsics)
    xray, mask = xray_picture(reading, seen)
    drr = drr_like(xray, mask, render(validation.patient.full.projector, Camera(seen, pose)))
    return np.vstack([overlay.dimmed(picture, mask)
                      for picture in (overlay.rgb(xray), overlay.rgb(drr), overlay.color_blend(xray, drr))])
