"""What a picture shows: its field, its polarity, and for each polarity that stays open an image and a mask."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from xvrcore.xray import RISES_WITH_ATTENUATION, RISES_WITH_INTENSITY, Origin
from xvrcore.xray_io.blanks import burned_in, surround
from xvrcore.xray_io.field import find_fields
from xvrcore.xray_io.intensity import clipped, line_integral
from xvrcore.xray_io.picture import Picture
from xvrcore.xray_io.shapes import Field

FIELD_MARGIN_MM = 2.0
"""Taken off along the field's edge, where penumbra and blur live."""
BORDER_MARGIN_MM = 1.0
"""Taken off along the image's border, where detectors and filters leave marks."""
LEAST_MASK = 0.02
"""A field that leaves less of the image than this is not believed."""
DECISIVE_EVIDENCE, DECISIVE_RATIO = 120.0, 3.0
"""Evidence for a field that decides the polarity, and by how much it must exceed that of the other sense."""


@dataclass(frozen=True)
class View:
    """One polarity's line-integral-like ``image`` (rows, cols) float32 and ``mask`` (rows, cols) bool."""

    polarity: int
    image: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)


def views(picture: Picture, stated: Origin | None, spacing: tuple[float, float]) -> tuple[list[View], Origin, Origin]:
    """The views that are possible, likeliest first, and the origins of polarity and field.

    :param stated: the polarity that the user or a sidecar states.
    :param spacing: (row, column) in mm.
    """
    around = surround(picture.values)
    rising = line_integral(picture, RISES_WITH_INTENSITY)
    found = dict(zip((RISES_WITH_INTENSITY, RISES_WITH_ATTENUATION), find_fields(rising, ~around), strict=True))
    polarity = stated or _polarity(picture, found)
    senses = (polarity.value, -polarity.value) if polarity.source == "assumed" else (polarity.value,)
    valid = ~around if picture.shutters is None else ~around & picture.shutters
    text = burned_in(picture.values)
    result = []
    for sense in senses:
        image = rising if sense == RISES_WITH_INTENSITY else line_integral(picture, sense)
        mask = _inner(valid & found[sense].mask, spacing)
        mask = mask if mask.mean() >= LEAST_MASK else _inner(valid, spacing)
        mask &= ~text
        mask = mask if mask.any() else np.ones(mask.shape, bool)
        result.append(View(sense, clipped(image, mask), mask))
    return result, polarity, _field_origin(found[polarity.value], picture.shutters is not None, bool(around.any()))


def _polarity(picture: Picture, found: dict[int, Field]) -> Origin:
    """Decided by the field's edges, or by the header where it is reliable; "assumed" where both stay open.

    Outside the field no beam arrives. LIN is nearly always true; LOG is used for both senses, and its sign
    may be wrong; which of MONOCHROME1 and 2 it is says nothing.
    """
    likelier = max(found, key=lambda sense: found[sense].evidence)
    decisive = found[likelier].evidence >= max(DECISIVE_EVIDENCE, DECISIVE_RATIO * found[-likelier].evidence)
    claimed = picture.intensity_sense
    if claimed and decisive and likelier != claimed.value:
        return Origin(likelier, "assumed", f"the field's edges contradict {claimed.detail}: both senses are tried")
    if claimed and picture.encoding.value == "LIN":
        return claimed
    if decisive:
        return Origin(likelier, "image", "the edges of the collimated field, outside of which no beam arrives")
    first = claimed.value if claimed else RISES_WITH_INTENSITY
    return Origin(first, "assumed", "neither the header nor the picture decides it: both senses are tried")


def _field_origin(found: Field, shutters: bool, around: bool) -> Origin:
    words = [f"{found.kind} seen in the picture"] if found.kind != "none" else ["no edges seen in the picture"]
    words += ["a constant surround"] * around + ["the header's shutters or padding"] * shutters
    return Origin(found.kind, "image", ", ".join(words))


def _inner(mask: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """The mask without its margins: inside the field's edge, and along the image's border."""
    size = [2 * round(FIELD_MARGIN_MM / s) + 1 for s in spacing]
    result = ndimage.minimum_filter(mask.view(np.uint8), size, mode="nearest").view(bool)
    rows, cols = (max(1, round(BORDER_MARGIN_MM / s)) for s in spacing)
    result[:rows] = result[-rows:] = False
    result[:, :cols] = result[:, -cols:] = False
    return result
