"""Poses as networks speak of them: the patient's rotation and shift in the camera's frame, from a nominal pose."""

import numpy as np
import torch

from xvrcore import rigid
from xvrcore.networks.rotations import rotation_matrices


class RelativePoses:
    """Rotations (B, 3, 3) and shifts (B, 3; mm) of the patient about its center, as the nominal camera sees it.

    They are what an image shows: a network has nothing to learn about where the CT stands in its world.
    """

    def __init__(self, nominal: np.ndarray, center_ras: np.ndarray):
        self.center_ras = np.asarray(center_ras, float)
        camera_from_ras = rigid.inverse(np.asarray(nominal, float))
        self.nominal_rotation = camera_from_ras[:3, :3]
        self.nominal_center = rigid.apply(camera_from_ras, self.center_ras)

    def encoded(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of ``ras_from_camera`` (B, 4, 4)."""
        camera_from_ras = rigid.inverse(poses)
        rotations = camera_from_ras[:, :3, :3]
        return rotations @ self.nominal_rotation.T, \
            rotations @ self.center_ras + camera_from_ras[:, :3, 3] - self.nominal_center

    def decoded(self, rotations: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """``ras_from_camera`` (B, 4, 4)."""
        camera_from_ras = np.tile(np.eye(4), (len(rotations), 1, 1))
        # float32 products are rigid to six digits only
        left, _, right = np.linalg.svd(np.asarray(rotations, float))
        turned = (left @ right) @ self.nominal_rotation
        camera_from_ras[:, :3, :3] = turned
        camera_from_ras[:, :3, 3] = self.nominal_center + np.asarray(shifts, float) - turned @ self.center_ras
        return rigid.inverse(camera_from_ras)

    def in_camera(self, points_ras: np.ndarray) -> np.ndarray:
        """Points (N, 3) relative to the center, along the nominal camera's axes."""
        return (np.asarray(points_ras) - self.center_ras) @ self.nominal_rotation.T


def predicted(network, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotations (B, 3, 3) and translations (B, 3; mm) that a network sees in images."""
    outputs, translations = network(images)
    return rotation_matrices(outputs, network.design.parameterization), translations


def mean_distances(points: torch.Tensor, first: tuple, second: tuple) -> torch.Tensor:
    """mTRE (B,) in mm between two poses, each rotations and shifts, over points (N, 3) from :meth:`in_camera`."""
    turned = torch.einsum("bij,nj->bni", first[0] - second[0], points)
    return (turned + (first[1] - second[1])[:, None]).norm(dim=-1).mean(dim=1)
