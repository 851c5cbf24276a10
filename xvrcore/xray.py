"""An X-ray as registration sees it, and the radiograph as it was read, some of it still undecided."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xvrcore.camera import Intrinsics
from xvrcore.positioner import Positioner

RISES_WITH_INTENSITY = 1
"""Polarity of stored values that are large where the beam arrives unattenuated (air bright)."""
RISES_WITH_ATTENUATION = -1
"""Polarity of stored values that are large behind bone (bone bright)."""


@dataclass(frozen=True)
class Origin:
    """Where a value came from: ``source`` is "dicom", "sidecar", "user", "derived", "image" or "assumed"."""

    value: object
    source: str
    detail: str = ""


@dataclass(frozen=True)
class Xray:
    """One decided reading of one frame.

    ``image`` (rows, cols) float32 is like a line integral: larger means more attenuation, affine units are
    free. ``mask`` (rows, cols) bool is True where the picture is valid (inside shutters and the collimated
    field). ``intrinsics.flipped`` and ``polarity`` are what this reading takes for granted.
    """

    image: np.ndarray = field(repr=False)
    mask: np.ndarray = field(repr=False)
    intrinsics: Intrinsics
    positioner: Positioner
    polarity: int


@dataclass(frozen=True)
class Radiograph:
    """What was read from a file: the possible readings of it, and where each value came from.

    ``readings`` holds one :class:`Xray` per combination of polarity and flip that evidence left open, the
    likeliest first. ``origins`` is keyed by ``sdd_mm``, ``pixel_spacing_mm``, ``principal_point_px``,
    ``flip``, ``polarity``, ``primary_deg``, ``secondary_deg``, ``source_isocenter_mm``, ``encoding``,
    ``field``.
    """

    readings: tuple[Xray, ...]
    origins: dict[str, Origin]
    path: Path
    sha256: str
    frame: str = "0"

    @property
    def patient_orientation(self) -> tuple[str, str] | None:
        """Where columns and rows grow in the patient, as ("L", "F"), if the file or the user says so."""
        known = self.origins.get("patient_orientation")
        return None if known is None or known.source == "assumed" else tuple(known.value)

    @property
    def flip_is_stated(self) -> bool:
        """Whether somebody said how the image is mirrored; else it rests on the angles, or is open."""
        return self.origins["flip"].source in ("user", "sidecar")

    def without_angles(self) -> "Radiograph":
        """The same radiograph with its angles forgotten (``--ignore-angles``), and with them what they implied.

        The flip follows from the angles together with the patient's orientation, so it is open again, unless
        it was stated.
        """
        forgotten = [replace(r, positioner=replace(r.positioner, primary_deg=None, secondary_deg=None))
                     for r in self.readings]
        origins = {k: v for k, v in self.origins.items() if k not in ("primary_deg", "secondary_deg")}
        if not self.flip_is_stated and len({r.intrinsics.flipped for r in forgotten}) == 1:
            origins["flip"] = Origin(forgotten[0].intrinsics.flipped, "assumed", "angles are ignored: both are tried")
            forgotten += [replace(r, intrinsics=r.intrinsics.mirrored()) for r in forgotten]
        return replace(self, readings=tuple(forgotten), origins=origins)
