"""Reading X-rays: a file in, a :class:`~xvrcore.xray.Radiograph` out, each value with its origin."""

from xvrcore.xray_io.options import XrayOptions
from xvrcore.xray_io.orientation import flip_for, roll_for
from xvrcore.xray_io.reading import blank_xray, read_radiograph

__all__ = ["XrayOptions", "blank_xray", "flip_for", "read_radiograph", "roll_for"]
