"""Rigid motions as 4x4 float64 matrices, named ``dst_from_src``; lengths in mm.

A *twist* is the 6-vector ``(wx, wy, wz, tx, ty, tz)``: a rotation vector (radians, RAS axes) about a
fixed center, followed by a translation (mm). Poses are updated from the left:
``new = twist_motion(twist, center) @ old``.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore.errors import InputError

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM and ITK speak LPS; converted once, at the file boundary (its own inverse)."""

RIGID_TOLERANCE = 1e-4
EXACT_TOLERANCE = 1e-14
"""A rotation this close to orthonormal is left as it is, so that saving and reading a pose moves no bit."""


def require_rigid(matrix, name: str) -> np.ndarray:
    """``matrix`` as a float64 4x4 proper rigid motion, its rotation made exactly orthonormal.

    :raises InputError: not 4x4, not finite, sheared, scaled, or a reflection.
    """
    matrix = np.array(matrix, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise InputError(f"{name} is not a 4x4 matrix of finite numbers (its shape is {matrix.shape}).")
    rotation = matrix[:3, :3]
    if np.linalg.det(rotation) < 0:
        raise InputError(f"{name} mirrors (determinant {np.linalg.det(rotation):.3f}): "
                         "a pose is a proper rigid motion; a mirrored image is stated by its flip.")
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID_TOLERANCE or \
            np.abs(matrix[3] - [0, 0, 0, 1]).max() > RIGID_TOLERANCE:
        raise InputError(f"{name} is not rigid: it scales, shears or projects; give a rotation and a translation.")
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > EXACT_TOLERANCE:
        left, _, right = np.linalg.svd(rotation)
        matrix[:3, :3] = left @ right
    matrix[3] = [0, 0, 0, 1]
    return matrix


def inverse(dst_from_src: np.ndarray) -> np.ndarray:
    """Inverse of rigid motions, shape (..., 4, 4)."""
    rotation = np.swapaxes(dst_from_src[..., :3, :3], -1, -2)
    result = np.zeros_like(dst_from_src)
    result[..., :3, :3] = rotation
    result[..., :3, 3] = -np.einsum("...ij,...j->...i", rotation, dst_from_src[..., :3, 3])
    result[..., 3, 3] = 1
    return result


def apply(dst_from_src: np.ndarray, points_src: np.ndarray) -> np.ndarray:
    """Points of shape (..., 3) moved by one 4x4 affine matrix."""
    return np.asarray(points_src) @ dst_from_src[:3, :3].T + dst_from_src[:3, 3]


def twist_motion(twist: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """Motions (..., 4, 4) that turn by ``twist[..., :3]`` about ``center_ras`` and then shift by ``twist[..., 3:]``."""
    twist = np.asarray(twist, dtype=np.float64)
    rotation = Rotation.from_rotvec(twist[..., :3].reshape(-1, 3)).as_matrix().reshape(*twist.shape[:-1], 3, 3)
    motion = np.zeros((*twist.shape[:-1], 4, 4))
    motion[..., :3, :3] = rotation
    motion[..., :3, 3] = center_ras - rotation @ center_ras + twist[..., 3:]
    motion[..., 3, 3] = 1
    return motion


def rotation_angle_deg(first: np.ndarray, second: np.ndarray) -> float:
    """The angle between the rotations of two motions, in degrees, exact for tiny angles."""
    relative = first[:3, :3].T @ second[:3, :3]
    return float(np.rad2deg(Rotation.from_matrix(relative).magnitude()))
