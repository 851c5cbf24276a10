"""Regions of poses worth searching: around the header's angles, or around the standard views."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from xvrcore import positioner
from xvrcore.xray import Xray
from xvrcore.xray_io.orientation import roll_for

STANDARD_VIEWS = {"PA": (0.0, 0.0), "AP": (180.0, 0.0), "left lateral": (90.0, 0.0), "right lateral": (-90.0, 0.0)}
"""Primary and secondary angles (degrees) of the views tried when the header gives none."""

ASSUMED_DISTANCE_RATIO = 0.7
"""Source-isocenter over source-detector distance, searched around where the header gives neither."""

MOST_NEARER = 0.5
"""Of the source's distance: no search goes nearer, whatever depth it is to cover."""


@dataclass(frozen=True)
class SearchRange:
    """Half-widths of a search: rotations about the camera's axes, and the patient's shift along them."""

    pitch_deg: float
    yaw_deg: float
    roll_deg: float
    shift_mm: float
    depth_mm: float


AROUND_HEADER = SearchRange(pitch_deg=15, yaw_deg=15, roll_deg=15, shift_mm=80, depth_mm=100)
AROUND_VIEW = SearchRange(pitch_deg=35, yaw_deg=45, roll_deg=25, shift_mm=100, depth_mm=100)
AROUND_DOUBTED_HEADER = SearchRange(pitch_deg=35, yaw_deg=35, roll_deg=25, shift_mm=120, depth_mm=120)


@dataclass(frozen=True)
class Region:
    """Poses around ``nominal`` (4x4), which looks at ``center_ras``, the point that shifts are measured of."""

    name: str
    nominal: np.ndarray = field(repr=False)
    center_ras: np.ndarray = field(repr=False)
    range: SearchRange

    def sample(self, count: int, seed: int) -> np.ndarray:
        """``count`` orientations and depths that fill the region evenly, the center on the beam's axis.

        :return: poses (count, 4, 4), a Sobol sequence scrambled by ``seed``; shifts across the beam are left to
            :func:`xvrcore.initialize.shifts.best_shifts`.
        """
        power = int(np.ceil(np.log2(count)))
        unit = 2 * qmc.Sobol(4, seed=seed).random_base2(power)[:count] - 1
        limits = self.range
        angles = unit[:, :3] * [limits.pitch_deg, limits.yaw_deg, limits.roll_deg]
        poses = np.tile(np.eye(4), (count, 1, 1))
        # roll last: the camera turns about its own beam, whatever the direction it looks from
        turns = Rotation.from_euler("YXZ", angles[:, [1, 0, 2]], degrees=True).as_matrix()
        poses[:, :3, :3] = self.nominal[:3, :3] @ turns
        middle = np.linalg.norm(self.nominal[:3, 3] - self.center_ras)
        distance = middle + unit[:, 3] * min(limits.depth_mm, MOST_NEARER * middle)
        poses[:, :3, 3] = self.center_ras - poses[:, :3, 2] * distance[:, None]
        return poses


def header_region(xray: Xray, center_ras: np.ndarray, orientation: tuple[str, str] | None = None,
                  limits: SearchRange = AROUND_HEADER) -> Region:
    """Around the header's angles and distances, with the isocenter near the volume's center.

    ``orientation`` is PatientOrientation, which tells how the image is turned about the beam.
    """
    angles = (xray.positioner.primary_deg, xray.positioner.secondary_deg)
    return Region("header", _nominal(angles, xray, center_ras, orientation), center_ras, limits)


def view_region(view: str, xray: Xray, center_ras: np.ndarray, orientation: tuple[str, str] | None = None,
                limits: SearchRange = AROUND_VIEW) -> Region:
    """Around one of :data:`STANDARD_VIEWS`; otherwise as :func:`header_region`."""
    return Region(view, _nominal(STANDARD_VIEWS[view], xray, center_ras, orientation), center_ras, limits)


def _nominal(angles, xray, center_ras, orientation) -> np.ndarray:
    roll = roll_for(*angles, orientation) if orientation else 0.0
    return positioner.camera_pose(*angles, source_distance_mm(xray), center_ras, roll)


def source_distance_mm(xray: Xray) -> float:
    """The header's source-isocenter distance, or the usual share of the SDD."""
    known = xray.positioner.source_isocenter_mm
    return known if known is not None else ASSUMED_DISTANCE_RATIO * xray.intrinsics.sdd_mm
