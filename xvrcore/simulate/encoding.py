"""From detected signal to stored values, as different machines store them."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from xvrcore.simulate.detector import metered
from xvrcore.simulate.settings import Encoding

WHITE_PERCENTILE = 99.0
"""The exposure control puts this percentile of the metered signal at :data:`WHITE_LEVEL` of the full scale; air
beside the patient may saturate."""
WHITE_LEVEL = 0.9
ENHANCED_SHARE = 0.01
"""Width of the sharpened details over the image's size."""


def stored_values(signal: np.ndarray, field: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Signal (rows, cols), 1 in the open beam, as unsigned integers of ``encoding.bits`` bits.

    LIN keeps intensity up to saturation. LOG spans the field's signal in decades. DISP is a display's
    curve over that: a power ``gamma`` and an S-shape, which no one can invert without knowing it.
    """
    full = 2 ** encoding.bits - 1
    white = max(np.percentile(signal[metered(field)], WHITE_PERCENTILE), 1e-9)
    if encoding.kind == "LIN":
        level = signal / white * WHITE_LEVEL
    else:
        dark = max(np.percentile(signal[field], 0.1) / 3, white * 1e-5)
        level = np.log(np.maximum(signal, dark) / dark) / np.log(white / dark) * WHITE_LEVEL
    if encoding.kind.startswith("DISP"):
        level = np.clip(level, 0, 1) ** encoding.gamma
        level = level * level * (3 - 2 * level)
        level = level + encoding.enhance * (level - ndimage.gaussian_filter(level, ENHANCED_SHARE * max(level.shape)))
    if encoding.kind.endswith("INV"):
        level = 1 - level
    values = np.rint(np.clip(level, 0, 1) * full).astype(np.uint16 if encoding.bits > 8 else np.uint8)
    return _with_text(values, encoding.text, full) if encoding.text else values


def _with_text(values: np.ndarray, text: str, full: int) -> np.ndarray:
    """``text`` burned in at full scale, an eighteenth of the image high."""
    drawn = Image.new("L", values.shape[::-1])
    ImageDraw.Draw(drawn).text((values.shape[1] * 0.03, values.shape[0] * 0.03), text, fill=255,
                               font_size=max(10, values.shape[0] // 18))
    return np.where(np.asarray(drawn) > 127, full, values).astype(values.dtype)
