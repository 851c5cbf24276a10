"""A picture of what a network will be taught: views drawn from its range, as it will see them."""

import io

import numpy as np
from PIL import Image

from xvrcore.files import write_whole
from xvrcore.training.examples import Examples

ACROSS, DOWN, ZOOM = 6, 3, 3


def write_views(path, examples: Examples, seed: int) -> None:
    """18 examples side by side as PNG, bone bright.

    :raises InputError: the place cannot be written to, or is full.
    """
    images = examples.draw(ACROSS * DOWN, (seed, 2)).inputs[:, 0].numpy()
    low, high = np.percentile(images, [1, 99], axis=(1, 2), keepdims=True)
    tiles = (255 * np.clip((images - low) / np.maximum(high - low, 1e-6), 0, 1)).astype(np.uint8)
    rows, cols = tiles.shape[1:]
    sheet = tiles.reshape(DOWN, ACROSS, rows, cols).transpose(0, 2, 1, 3).reshape(DOWN * rows, ACROSS * cols)
    picture = Image.fromarray(sheet).resize((ZOOM * sheet.shape[1], ZOOM * sheet.shape[0]), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    write_whole(path, buffer.getvalue())
