"""What a person states about an X-ray; whatever is left ``None`` is taken from the file."""

from dataclasses import dataclass

import numpy as np

from xvrcore.errors import InputError
from xvrcore.xray import RISES_WITH_ATTENUATION, RISES_WITH_INTENSITY

WORDS = {"sdd_mm": "source-to-detector distance", "pixel_spacing_mm": "pixel spacing at the detector",
         "principal_point_px": "principal point", "source_isocenter_mm": "source-to-isocenter distance",
         "primary_deg": "primary angle", "secondary_deg": "secondary angle"}


@dataclass(frozen=True, kw_only=True)
class XrayOptions:
    """Values that outrank the file's own.

    ``pixel_spacing_mm`` is (row, column) at the detector; ``principal_point_px`` is (u, v); ``flip`` says
    that the stored columns run against the camera's x axis; ``polarity`` is one of
    ``RISES_WITH_INTENSITY`` and ``RISES_WITH_ATTENUATION``; angles as in :mod:`xvrcore.positioner`.

    :raises InputError: a length is not positive, or a number is not finite.
    """

    sdd_mm: float | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    principal_point_px: tuple[float, float] | None = None
    flip: bool | None = None
    polarity: int | None = None
    source_isocenter_mm: float | None = None
    primary_deg: float | None = None
    secondary_deg: float | None = None

    def __post_init__(self):
        for name in ("sdd_mm", "pixel_spacing_mm", "source_isocenter_mm"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value).all() and np.min(value) > 0):
                raise InputError(f"The {WORDS[name]}, {value}, is not positive; give a length in mm.")
        for name in ("principal_point_px", "primary_deg", "secondary_deg"):
            value = getattr(self, name)
            if value is not None and not np.isfinite(value).all():
                raise InputError(f"The {WORDS[name]}, {value}, is not a number.")
        for name in ("pixel_spacing_mm", "principal_point_px"):
            value = getattr(self, name)
            if value is not None and np.shape(value) != (2,):
                raise InputError(f"The {WORDS[name]}, {value}, does not have two values.")
        if self.polarity not in (None, RISES_WITH_INTENSITY, RISES_WITH_ATTENUATION):
            raise InputError(f"The polarity {self.polarity} is neither +1 (rises with intensity) "
                             "nor -1 (rises with attenuation).")
