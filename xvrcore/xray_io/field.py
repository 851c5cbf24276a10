"""The collimated field found in the picture itself, whatever the header says.

Blades and image intensifiers leave a mark that anatomy hardly ever does: along a whole straight line or
circle the attenuation rises outwards as a thin step (:mod:`xvrcore.xray_io.steps`). A field is an
intersection of half planes and at most one disc, and its *evidence* is the sum, along those parts of its
edges that lie in the image, of the likeness to such a step less what chance and anatomy give. The field with
the most evidence is taken. The same sums with their sign turned serve the picture's other polarity.
"""

import numpy as np

from xvrcore.xray_io.disc_search import DiscSearch
from xvrcore.xray_io.field_search import FieldSearch
from xvrcore.xray_io.line_sums import LineSums
from xvrcore.xray_io.shapes import Field
from xvrcore.xray_io.steps import step_likeness

WORKING_PIXELS = 128
"""The picture is reduced to about this many pixels along its longer side."""


def find_fields(image: np.ndarray, valid: np.ndarray) -> tuple[Field, Field]:
    """The field of a picture that rises with attenuation, and that of the same picture taken the other way.

    :param image: (rows, cols), like a line integral.
    :param valid: (rows, cols) bool, False where the picture is blanked; edges against it are no evidence.
    """
    factor = max(1, round(max(image.shape) / WORKING_PIXELS))
    steps = step_likeness(_reduced(image, factor), _reduced(valid.astype(np.float32), factor) > 0.99)
    sums, discs = LineSums(steps), DiscSearch(steps)
    return tuple(FieldSearch(steps, sums, discs, sign).best().enlarged(image.shape, factor) for sign in (1, -1))


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks; a remainder at the right and lower border is dropped."""
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[:rows * factor, :cols * factor].reshape(rows, factor, cols, factor)
    return blocks.mean((1, 3), dtype=np.float32)
