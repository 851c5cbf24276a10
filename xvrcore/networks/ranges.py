"""The poses that a network learns: ranges of angles and distances, by anatomy and view, said in words."""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore import positioner
from xvrcore.errors import InputError
from xvrcore.initialize.regions import source_distance_mm
from xvrcore.xray import Xray

Interval = tuple[float, float]


@dataclass(frozen=True)
class PoseRange:
    """Least and largest values, between which poses are drawn evenly.

    Angles as in :mod:`xvrcore.positioner`. ``right_mm`` and ``down_mm``: how far the volume's center lies from the
    beam's axis, towards image right and down; ``distance_mm``: from the source to the center, along the beam.
    """

    primary_deg: Interval
    secondary_deg: Interval
    roll_deg: Interval
    right_mm: Interval
    down_mm: Interval
    distance_mm: Interval

    def __post_init__(self):
        for one in fields(self):
            interval = getattr(self, one.name)
            if len(interval) != 2 or not np.isfinite(interval).all() or interval[0] > interval[1]:
                raise InputError(f"The range of {one.name} is {interval}; give the least value, then the largest.")
            object.__setattr__(self, one.name, (float(interval[0]), float(interval[1])))
        if self.distance_mm[0] <= 0:
            raise InputError(f"The range of distance_mm begins at {self.distance_mm[0]:g}; the patient lies between "
                             "source and detector, at a positive distance.")

    def sample(self, count: int, center_ras: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``ras_from_camera`` (count, 4, 4) drawn at random around the volume's center."""
        low, high = np.array([getattr(self, one.name) for one in fields(self)]).T
        return poses_of(rng.uniform(low, high, (count, len(low))), center_ras)

    def nominal(self, center_ras: np.ndarray) -> np.ndarray:
        """The pose (4x4) in the middle of all ranges."""
        middle = np.array([np.mean(getattr(self, one.name)) for one in fields(self)])
        return poses_of(middle[None], center_ras)[0]

    def in_words(self) -> str:
        """One sentence for the person who is to decide on this range."""
        return (f"The detector turns from {_turn(self.primary_deg, 'LAO', 'RAO')} and from "
                f"{_turn(self.secondary_deg, 'CRA', 'CAU')}, the image rolls by {_span(self.roll_deg)}°; the middle "
                f"of the volume lies {_span(self.right_mm)} mm right and {_span(self.down_mm)} mm below the beam's "
                f"axis, {_span(self.distance_mm)} mm from the source.")

    def as_dict(self) -> dict:
        return {name: list(interval) for name, interval in asdict(self).items()}


def poses_of(values: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """Poses (B, 4, 4) of (B, 6) values in the order of :class:`PoseRange`'s fields."""
    poses = np.tile(np.eye(4), (len(values), 1, 1))
    poses[:, :3, :3] = Rotation.from_euler("ZX", values[:, :2], degrees=True).as_matrix() @ \
        positioner.ras_axes(0, 0) @ Rotation.from_euler("Z", values[:, 2:3], degrees=True).as_matrix()
    poses[:, :3, 3] = center_ras - np.einsum("bij,bj->bi", poses[:, :3, :3], values[:, 3:])
    return poses


@dataclass(frozen=True)
class Anatomy:
    """How far X-rays of a body part usually depart from a standard view: half-widths in degrees and mm."""

    primary_deg: float
    secondary_deg: float
    roll_deg: float
    shift_mm: float
    distance_mm: float


ANATOMIES = {
    "pelvis": Anatomy(45, 30, 15, 100, 100),
    "spine": Anatomy(40, 25, 15, 80, 100),
    "chest": Anatomy(30, 30, 30, 50, 50),
    "skull": Anatomy(45, 30, 20, 60, 80),
    "knee": Anatomy(40, 25, 45, 60, 80),
    "hand": Anatomy(35, 25, 90, 50, 60),
}
VIEWS = {"PA": 0.0, "AP": 180.0, "left lateral": 90.0, "right lateral": -90.0}
"""Primary angle of the middle of each view."""


def preset(anatomy: str, view: str, source_center_mm: float, secondary_deg: float = 0.0,
           primary_deg: float | None = None) -> PoseRange:
    """The usual range of a body part around a standard view, or around the angles that a header gives.

    :param source_center_mm: distance from the source to the middle of the volume.
    :raises InputError: an unknown anatomy or view.
    """
    if anatomy not in ANATOMIES:
        raise InputError(f"There is no anatomy {anatomy!r}; choose one of {', '.join(ANATOMIES)}.")
    if primary_deg is None and view not in VIEWS:
        raise InputError(f"There is no view {view!r}; choose one of {', '.join(VIEWS)}.")
    usual, primary = ANATOMIES[anatomy], VIEWS[view] if primary_deg is None else primary_deg
    nearest = max(source_center_mm - usual.distance_mm, 0.5 * source_center_mm)
    return PoseRange((primary - usual.primary_deg, primary + usual.primary_deg),
                     (secondary_deg - usual.secondary_deg, secondary_deg + usual.secondary_deg),
                     (-usual.roll_deg, usual.roll_deg), (-usual.shift_mm, usual.shift_mm),
                     (-usual.shift_mm, usual.shift_mm), (nearest, source_center_mm + usual.distance_mm))


def range_for(example: Xray, anatomy: str, view: str | None = None, **stated: Interval | None) -> PoseRange:
    """The preset of a body part around a standard view or, without one, around an X-ray's own angles (else PA).

    :param stated: intervals that replace the preset's, by name, where they are not ``None``.
    :raises InputError: an unknown anatomy or view, or the patient would stand behind the detector.
    """
    own = example.positioner if view is None and example.positioner.has_angles else None
    usual = preset(anatomy, view or "PA", source_distance_mm(example),
                   secondary_deg=own.secondary_deg if own else 0.0, primary_deg=own.primary_deg if own else None)
    detector_mm = example.intrinsics.sdd_mm
    nearest, farthest = usual.distance_mm
    intervals = {"distance_mm": (min(nearest, detector_mm), min(farthest, detector_mm))}
    found = replace(usual, **intervals | {name: value for name, value in stated.items() if value is not None})
    if found.distance_mm[1] > detector_mm:
        raise InputError(f"The range of distance_mm ends at {found.distance_mm[1]:g}; the middle of the volume lies "
                         f"before the detector, which is {detector_mm:g} mm from the source.")
    return found


def _span(interval: Interval) -> str:
    return f"{interval[0]:.0f} to {interval[1]:.0f}"


def _turn(interval: Interval, positive: str, negative: str) -> str:
    return " to ".join(f"{abs(v):.0f}° {positive if v >= 0 else negative}" for v in interval)
