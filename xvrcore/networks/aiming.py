"""Turning a camera about its source: an X-ray looked at as if it had been aimed at the patient, upright.

Such a turn moves no ray, so the image of the turned camera follows from the X-ray alone (a homography; Hartley and
Zisserman, "Multiple view geometry in computer vision", section 8.4). It takes roll and shift, three of the pose's six
degrees of freedom, off what a network has to tell.
"""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from xvrcore import rigid
from xvrcore.camera import Intrinsics
from xvrcore.networks.poses import RelativePoses

TILT_DEG, ROLL_DEG = 2.0, 8.0
"""How far looks at an X-ray differ: about the axes across the beam, and about it."""


def aimed(poses: np.ndarray, relative: RelativePoses) -> np.ndarray:
    """``camera_from_aimed`` (B, 3, 3) of ``ras_from_camera`` (B, 4, 4).

    The aimed camera sees the patient's center in the direction in which the nominal one does (along the beam, where
    the poses know of none), and the patient turned against the nominal view about axes across that direction alone.
    """
    camera_from_ras = rigid.inverse(poses)
    axis = relative.camera_turn @ relative.offset
    axis = axis / np.linalg.norm(axis) if axis.any() else np.array([0.0, 0.0, 1.0])
    toward = _shortest_turns(axis, _directions(camera_from_ras, relative.center_ras))
    nominal = relative.camera_turn @ relative.patient_turn
    turns = np.swapaxes(toward, 1, 2) @ camera_from_ras[:, :3, :3] @ nominal.T
    quaternions = Rotation.from_matrix(turns).as_quat()
    rolls = 2 * np.arctan2(quaternions[:, :3] @ axis, quaternions[:, 3])
    return toward @ Rotation.from_rotvec(rolls[:, None] * axis).as_matrix()


def turned(poses: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """The poses (B, 4, 4) of cameras turned about their sources by ``camera_from_turned`` (B, 3, 3)."""
    motions = np.tile(np.eye(4), (len(turns), 1, 1))
    motions[:, :3, :3] = turns
    return poses @ motions


def spread(unit: np.ndarray) -> np.ndarray:
    """Turns (B, 3, 3) that fill what looks differ by, of points ``unit`` (B, 3) in -1..1."""
    return Rotation.from_rotvec(np.deg2rad(unit * [TILT_DEG, TILT_DEG, ROLL_DEG])).as_matrix()


class Reach:
    """Which pixels of turned cameras look at the detector as it was."""

    def __init__(self, intrinsics: Intrinsics, device: str = "cpu"):
        self.rows, self.cols = intrinsics.rows, intrinsics.cols
        self._matrix, self._points = (torch.tensor(part, dtype=torch.float32, device=device) for part in
                                      (intrinsics.matrix, intrinsics.pixel_grid().reshape(-1, 3).T))

    def __call__(self, turns: torch.Tensor) -> torch.Tensor:
        """1 where they do, else 0, (B, 1, rows, cols), of ``camera_from_turned`` (B, 3, 3)."""
        u, v, scale = ((self._matrix @ turns) @ self._points).unbind(1)
        u, v = u / scale.clamp_min(1e-6), v / scale.clamp_min(1e-6)
        inside = ((u - (self.cols - 1) / 2).abs() <= self.cols / 2) & ((v - (self.rows - 1) / 2).abs() <= self.rows / 2)
        return inside.reshape(-1, 1, self.rows, self.cols).float()


def _directions(camera_from_ras: np.ndarray, point_ras: np.ndarray) -> np.ndarray:
    """Unit vectors (B, 3) from cameras to a point."""
    seen = camera_from_ras[:, :3, :3] @ point_ras + camera_from_ras[:, :3, 3]
    return seen / np.linalg.norm(seen, axis=1, keepdims=True)


def _shortest_turns(start: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Rotations (B, 3, 3) that bring the unit vector ``start`` to each of ``ends`` (B, 3), none opposite."""
    axes = np.cross(start, ends)
    cross = np.zeros((len(ends), 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = axes
    cross[:, [1, 2, 0], [2, 0, 1]] = -axes
    return np.eye(3) + cross + cross @ cross / (1 + ends @ start)[:, None, None]
