"""What a file says about an X-ray, before anything is decided."""

from dataclasses import dataclass, field

import numpy as np

from xvrcore.xray import Origin


@dataclass(frozen=True)
class Picture:
    """One frame as it is stored, and the facts beside it.

    ``values`` (rows, cols) float32 are the stored values after the modality transform, never after a
    display transform. ``value_range`` are the least and largest values the file could hold, ``None`` for
    floating-point files. ``facts`` holds what is known, keyed as :attr:`xvrcore.xray.Radiograph.origins`,
    ``pixel_spacing_mm`` as (row, column). ``intensity_sense`` is the file's own claim: +1 if the values
    rise with the beam's intensity, -1 if they fall, ``None`` if it makes none. ``shutters`` (rows, cols)
    bool is True inside the header's shutters and where it declares no padding, ``None`` if that is everywhere.
    """

    values: np.ndarray = field(repr=False)
    value_range: tuple[float, float] | None
    facts: dict[str, Origin]
    encoding: Origin
    intensity_sense: Origin | None = None
    shutters: np.ndarray | None = field(default=None, repr=False)
