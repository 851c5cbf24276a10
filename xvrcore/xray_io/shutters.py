"""Shutters and collimators that the header draws (PS3.3 C.7.6.11, C.8.7.3)."""

import numpy as np
from PIL import Image, ImageDraw

from xvrcore.dicom_tags import Tags


def shutter_mask(tags: Tags, shape: tuple[int, int]) -> np.ndarray:
    """True (rows, cols) inside every shutter and collimator of the header.

    DICOM counts pixels from 1, rows before columns.
    """
    inside = np.ones(shape, bool)
    for kind in ("Shutter", "Collimator"):
        shapes = tags.get(f"{kind}Shape") or ()
        shapes = {str(shapes)} if isinstance(shapes, str) else set(map(str, shapes))
        if "RECTANGULAR" in shapes:
            inside &= _rectangle(tags, kind, shape)
        if "CIRCULAR" in shapes:
            inside &= _circle(tags, kind, shape)
        if "POLYGONAL" in shapes:
            inside &= _polygon(tags, kind, shape)
        if "BITMAP" in shapes:
            inside &= _bitmap(tags, shape)
    return inside


def _rectangle(tags: Tags, kind: str, shape: tuple[int, int]) -> np.ndarray:
    rows, cols = shape
    left, right = tags.number(f"{kind}LeftVerticalEdge"), tags.number(f"{kind}RightVerticalEdge")
    top, bottom = tags.number(f"{kind}UpperHorizontalEdge"), tags.number(f"{kind}LowerHorizontalEdge")
    u, v = np.arange(1, cols + 1), np.arange(1, rows + 1)[:, None]
    return ((u >= (1 if left is None else left)) & (u <= (cols if right is None else right))
            & (v >= (1 if top is None else top)) & (v <= (rows if bottom is None else bottom)))


def _circle(tags: Tags, kind: str, shape: tuple[int, int]) -> np.ndarray:
    center, radius = tags.numbers(f"CenterOfCircular{kind}"), tags.positive(f"RadiusOfCircular{kind}")
    if len(center) != 2 or radius is None:
        return np.ones(shape, bool)
    v, u = np.ogrid[1:shape[0] + 1, 1:shape[1] + 1]
    return (v - center[0]) ** 2 + (u - center[1]) ** 2 <= radius ** 2


def _polygon(tags: Tags, kind: str, shape: tuple[int, int]) -> np.ndarray:
    flat = tags.numbers(f"VerticesOfThePolygonal{kind}")
    if len(flat) < 6 or len(flat) % 2:
        return np.ones(shape, bool)
    canvas = Image.new("1", shape[::-1])
    ImageDraw.Draw(canvas).polygon([(col - 1, row - 1) for row, col in zip(flat[::2], flat[1::2], strict=True)],
                                   fill=1, outline=1)
    return np.asarray(canvas, bool)


def _bitmap(tags: Tags, shape: tuple[int, int]) -> np.ndarray:
    """A bitmap shutter is an overlay plane whose set pixels are hidden (PS3.3 C.7.6.15)."""
    group, dataset = tags.number("ShutterOverlayGroup"), tags.dataset
    if group is None or (int(group), 0x3000) not in dataset:
        return np.ones(shape, bool)
    hidden = dataset.overlay_array(int(group))
    return hidden == 0 if hidden.shape == shape else np.ones(shape, bool)
