"""The C-arm's own angles and distances, and the pose they describe (DICOM PS3.3 C.8.7.5).

Primary angle: + is LAO, the detector towards the patient's left. Secondary: + is CRA, towards the head.
Both zero: the patient faces the detector (the source is posterior). The isocenter's place in the patient
is never in a header.
"""

from dataclasses import dataclass

import numpy as np

from xvrcore import rigid


@dataclass(frozen=True)
class Positioner:
    """Angles in degrees and the source-to-isocenter distance in mm; ``None`` where the header is silent."""

    primary_deg: float | None = None
    secondary_deg: float | None = None
    source_isocenter_mm: float | None = None

    @property
    def has_angles(self) -> bool:
        return self.primary_deg is not None and self.secondary_deg is not None


def ras_axes(primary_deg: float, secondary_deg: float, roll_deg: float = 0.0) -> np.ndarray:
    """Rotation (3x3) ``ras_from_camera`` of a C-arm at these angles: columns are image right, image down, beam.

    ``roll_deg`` turns the camera about the beam: + turns image right towards image down.
    """
    p, s, r = np.deg2rad([primary_deg, secondary_deg, roll_deg])
    upright = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]])   # columns: patient right, foot, anterior
    about_x = np.array([[1, 0, 0], [0, np.cos(s), -np.sin(s)], [0, np.sin(s), np.cos(s)]])
    about_z = np.array([[np.cos(p), -np.sin(p), 0], [np.sin(p), np.cos(p), 0], [0, 0, 1]])
    about_beam = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_x @ upright @ about_beam


def camera_pose(primary_deg: float, secondary_deg: float, source_isocenter_mm: float, isocenter_ras,
                roll_deg: float = 0.0) -> np.ndarray:
    """``ras_from_camera`` (4x4) of a C-arm whose isocenter lies at ``isocenter_ras`` (mm)."""
    pose = np.eye(4)
    pose[:3, :3] = ras_axes(primary_deg, secondary_deg, roll_deg)
    pose[:3, 3] = np.asarray(isocenter_ras, float) - source_isocenter_mm * pose[:3, 2]
    return pose


def angles_of(ras_from_camera: np.ndarray) -> tuple[float, float, float]:
    """(primary, secondary, roll) in degrees of a pose; roll is the turn about the beam (see :func:`ras_axes`)."""
    beam = ras_from_camera[:3, 2]
    secondary = np.rad2deg(np.arcsin(np.clip(beam[2], -1, 1)))
    primary = np.rad2deg(np.arctan2(-beam[0], beam[1]))
    relative = ras_axes(primary, secondary).T @ ras_from_camera[:3, :3]
    return float(primary), float(secondary), float(np.rad2deg(np.arctan2(relative[1, 0], relative[0, 0])))


def antipode(ras_from_camera: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """The pose seen from the other side: turned by 180 degrees about the image's vertical through ``center_ras``."""
    down = ras_from_camera[:3, 1]
    return rigid.twist_motion(np.r_[down * np.pi, 0, 0, 0], np.asarray(center_ras, float)) @ ras_from_camera
