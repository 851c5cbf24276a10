"""The interface that all rendering backends share."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class RayIntegrals:
    """Integrals (B, N), dimensionless; derivatives (B, N, 3) by source and by target, RAS, 1/mm, or None."""

    values: np.ndarray
    by_source: np.ndarray | None = None
    by_target: np.ndarray | None = None


class Projector(Protocol):
    """A prepared attenuation volume that casts rays. Level 0 is full resolution; each next level is coarser."""

    name: str
    device: str
    level_pitch_mm: tuple[float, ...]

    def integrals(self, poses: np.ndarray, targets: np.ndarray, *, level: int = 0,
                  gradient: bool = False) -> RayIntegrals:
        """Rays from the sources of ``poses`` (B, 4, 4; ``ras_from_camera``) to ``targets`` (N, 3; camera frame, mm)."""
        ...


def pose_jacobian(rays: RayIntegrals, poses: np.ndarray, targets: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """Derivatives (B, N, 6) float32 of the integrals by a left twist of the pose about ``center_ras``.

    Columns as in :mod:`xvrcore.rigid`: rotation vector (per radian), then translation (per mm).
    """
    from xvrcore.render.twist import twist_derivatives
    poses = np.asarray(poses, np.float64)
    result = np.empty((*rays.values.shape, 6), np.float32)
    twist_derivatives(rays.by_source, rays.by_target, poses[:, :3, 3] - center_ras,
                      np.ascontiguousarray(poses[:, :3, :3]), np.ascontiguousarray(targets, np.float64), result)
    return result
