"""What a simulated X-ray is made of: all settings, each with its default and its reason."""

import types
from dataclasses import dataclass, fields, is_dataclass
from typing import get_args, get_origin, get_type_hints

from xvrcore.errors import InputError
from xvrcore.positioner import Positioner
from xvrcore.simulate.materials import ENERGIES_KEV, FLUENCE_90_KVP, TissueModel
from xvrcore.simulate.metal import Metal

ENCODINGS = ("LIN", "LOG", "LOGINV", "DISP", "DISPINV")
COLLIMATORS = ("none", "rectangle", "circle")


@dataclass(frozen=True)
class Beam:
    """Polychromatic, so that thick bone hardens it; a single 1 among ``fluence`` makes it monochromatic.

    ``fluence``: share of photons per bin of ``ENERGIES_KEV``. ``heel``: relative fall of intensity from the
    cathode's to the anode's edge of the image, ``heel_deg`` the direction of the fall (0 = image right).
    """

    fluence: tuple[float, ...] = FLUENCE_90_KVP
    heel: float = 0.15
    heel_deg: float = 90.0

    def __post_init__(self):
        if len(self.fluence) != len(ENERGIES_KEV) or min(self.fluence) < 0 or sum(self.fluence) <= 0:
            raise InputError(f"The beam needs {len(ENERGIES_KEV)} shares of photons, none negative, "
                             f"for {ENERGIES_KEV} keV; got {self.fluence}.")
        if not 0 <= self.heel <= 1:
            raise InputError(f"The heel effect is {self.heel:g}; give a relative fall of intensity from 0 to 1.")


@dataclass(frozen=True)
class Detector:
    """How the beam is counted.

    ``photons``: quanta per stored pixel behind the middle of the patient, which exposure control keeps the same for
    thick and thin (some 100 in fluoroscopy, 1000 and more in a radiograph; infinite for no noise at all);
    ``electronic_noise``: in quanta. ``focal_spot_mm`` (width) blurs by the isocenter's magnification, ``blur_mm``
    (standard deviation) is the scintillator's. ``supersampling``: rays per pixel side, as a pixel integrates
    over its area.
    """

    photons: float = 1500.0
    electronic_noise: float = 3.0
    focal_spot_mm: float = 0.6
    blur_mm: float = 0.15
    supersampling: int = 2

    def __post_init__(self):
        if not self.photons > 0 or not min(self.electronic_noise, self.focal_spot_mm, self.blur_mm) >= 0 or \
                self.supersampling < 1:
            raise InputError(f"A detector takes photons above 0, and noise, focal spot and blur from 0 on; got {self}.")


@dataclass(frozen=True)
class Scatter:
    """``to_primary``: mean scatter over mean primary within the field, 0.3 to 1 for a chest behind a grid, up to 4
    without. ``width_mm``: standard deviation of its spread at the detector."""

    to_primary: float = 0.5
    width_mm: float = 35.0

    def __post_init__(self):
        if not self.to_primary >= 0 or not self.width_mm > 0:
            raise InputError(f"Scatter is from 0 on, and spreads over more than 0 mm; got {self}.")


@dataclass(frozen=True)
class Collimator:
    """``kind``: "none", "rectangle" or "circle"; ``size`` (width, height) and ``center`` (u, v) are shares of the
    image's width and height; a circle takes the width's share as its diameter. ``roll_deg`` turns the
    rectangle. ``penumbra_mm`` is the width of the blades' shadow's edge, ``leak`` the beam's share behind them."""

    kind: str = "none"
    size: tuple[float, float] = (0.85, 0.85)
    center: tuple[float, float] = (0.5, 0.5)
    roll_deg: float = 0.0
    penumbra_mm: float = 1.5
    leak: float = 0.002

    def __post_init__(self):
        if self.kind not in COLLIMATORS:
            raise InputError(f"There is no collimator {self.kind!r}; choose one of {', '.join(COLLIMATORS)}.")
        if not min(self.size) > 0 or not self.penumbra_mm >= 0 or not 0 <= self.leak < 1:
            raise InputError(f"A collimator's field has sides above 0, and its blades hold something back; got {self}.")


@dataclass(frozen=True)
class Encoding:
    """How signal becomes stored values.

    ``kind``: "LIN" (intensity), "LOG" (rises with intensity), "LOGINV" (rises with attenuation), "DISP" and
    "DISPINV" (a display curve of ``gamma``, edges sharpened by the share ``enhance``, either way).
    ``photometric`` changes the header alone, as on real machines. ``text`` is burned into the top left corner.
    """

    kind: str = "LIN"
    photometric: str = "MONOCHROME2"
    bits: int = 12
    compression: str = "raw"
    frames: int = 1
    gamma: float = 1.0
    enhance: float = 0.5
    text: str = ""

    def __post_init__(self):
        if self.kind not in ENCODINGS:
            raise InputError(f"There is no encoding {self.kind!r}; choose one of {', '.join(ENCODINGS)}.")
        if self.photometric not in ("MONOCHROME1", "MONOCHROME2"):
            raise InputError(f"There is no photometric interpretation {self.photometric!r} here; "
                             "choose MONOCHROME1 or MONOCHROME2.")
        if not 8 <= self.bits <= 16 or self.frames < 1 or self.compression not in ("raw", "rle"):
            raise InputError(f"An X-ray is stored with 8 to 16 bits, raw or rle, in 1 or more frames; got {self}.")


@dataclass(frozen=True)
class Header:
    """What the DICOM header states; where ``None``, the truth. It never knows the isocenter's place in the patient
    nor the principal point. ``shutters``: whether it tells the collimator's edges; ``orientation``: whether it
    tells PatientOrientation."""

    positioner: Positioner | None = None
    sdd_mm: float | None = None
    shutters: bool = True
    orientation: bool = True
    body_part: str = ""


@dataclass(frozen=True)
class SimulationSettings:
    """Everything about a simulated X-ray but its patient and its camera. The same ``seed`` gives the same noise."""

    tissue: TissueModel = TissueModel()
    beam: Beam = Beam()
    detector: Detector = Detector()
    scatter: Scatter = Scatter()
    collimator: Collimator = Collimator()
    encoding: Encoding = Encoding()
    header: Header = Header()
    metal: tuple[Metal, ...] = ()
    seed: int = 0

    def __post_init__(self):
        if self.seed < 0:
            raise InputError(f"The seed is {self.seed}; give a whole number from 0 on.")


def settings_from_dict(content: dict, kind: type = SimulationSettings):
    """Settings from the nested dictionaries of a recipe, e.g. ``{"scatter": {"to_primary": 1}, "seed": 3}``.

    :raises InputError: an unknown name, or a value of the wrong kind.
    """
    if not isinstance(content, dict):
        raise InputError(f"{kind.__name__} settings are an object of names and values; got {content!r}.")
    hints, known = get_type_hints(kind), {one.name for one in fields(kind)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise InputError(f"{kind.__name__} settings have no {', '.join(unknown)}; known: {', '.join(sorted(known))}.")
    try:
        return kind(**{name: _value(value, hints[name]) for name, value in content.items()})
    except (TypeError, ValueError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{kind.__name__} settings: {error}.") from error


def _value(value, hint):
    """``value`` from JSON as the type ``hint`` wants it."""
    choices = [one for one in get_args(hint) if one is not type(None)] if isinstance(hint, types.UnionType) else [hint]
    if value is None and len(choices) < len(get_args(hint) or (0,)):
        return None
    if get_origin(choices[0]) is tuple:
        return tuple(_value(one, get_args(choices[0])[0]) for one in value)
    if is_dataclass(choices[0]):
        known = [one for one in choices if isinstance(value, dict) and set(value) <= {f.name for f in fields(one)}]
        return settings_from_dict(value, (known or choices)[0])
    if choices[0] is float:
        return float(value)
    if not isinstance(value, choices[0]):
        raise TypeError(f"{value!r} is not of type {choices[0].__name__}")
    return value


FIELD_EDGE = 0.5
"""The collimated field is where the blades let more than this share of the beam pass."""

NOISELESS = Detector(photons=float("inf"), electronic_noise=0.0, focal_spot_mm=0.0, blur_mm=0.0, supersampling=1)
"""An ideal detector."""

IDEAL = SimulationSettings(beam=Beam(fluence=(0, 0, 0, 1, 0), heel=0.0), detector=NOISELESS,
                           scatter=Scatter(to_primary=0.0))
"""Monochromatic, without noise, blur or scatter: Beer and Lambert's law alone."""
