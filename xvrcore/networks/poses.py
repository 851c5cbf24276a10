"""Poses as networks speak of them: a rotation and a shift of the patient, as a camera sees them."""

from dataclasses import dataclass, field

import numpy as np
import torch

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.networks.rotations import rotation_matrices


@dataclass(frozen=True)
class RelativePoses:
    """What the rotations R (B, 3, 3) and shifts s (B, 3; mm) that a network learns mean in RAS.

    ``x_camera = camera_turn (R patient_turn (x_ras - center_ras) + s + offset)``, turns 3x3, points (3,) in mm.
    Ours (:meth:`around`) are relative to a nominal view, all that an image shows: a network has nothing to learn about
    where the CT stands in its world.
    """

    center_ras: np.ndarray = field(repr=False)
    patient_turn: np.ndarray = field(repr=False)
    offset: np.ndarray = field(repr=False)
    camera_turn: np.ndarray = field(repr=False)

    def __post_init__(self):
        for turn, shift in ((self.patient_turn, self.center_ras), (self.camera_turn, self.offset)):
            if np.shape(turn) != (3, 3) or np.shape(shift) != (3,):
                raise InputError("A network's frame is made of turns (3x3) and points of three numbers.")
            rigid.require_rigid(np.block([[turn, shift[:, None]], [np.zeros(3), 1]]), "A network's frame")

    @classmethod
    def around(cls, nominal: np.ndarray, center_ras: np.ndarray) -> "RelativePoses":
        """The patient's motion about its center from where the ``nominal`` pose (4x4, ``ras_from_camera``) sees it."""
        camera_from_ras = rigid.inverse(np.asarray(nominal, float))
        center_ras = np.asarray(center_ras, float)
        return cls(center_ras, camera_from_ras[:3, :3], rigid.apply(camera_from_ras, center_ras), np.eye(3))

    def moved(self, template_from_patient: np.ndarray) -> "RelativePoses":
        """The same poses seen from a patient whom this motion (4x4, RAS) brings to the place these are stated in."""
        turn = template_from_patient[:3, :3]
        return RelativePoses(rigid.apply(rigid.inverse(template_from_patient), self.center_ras),
                             self.patient_turn @ turn, self.offset, self.camera_turn)

    def encoded(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations and shifts of ``ras_from_camera`` (B, 4, 4)."""
        camera_from_ras = rigid.inverse(poses)
        rotations = self.camera_turn.T @ camera_from_ras[:, :3, :3] @ self.patient_turn.T
        at_center = camera_from_ras[:, :3, :3] @ self.center_ras + camera_from_ras[:, :3, 3]
        return rotations, at_center @ self.camera_turn - self.offset

    def decoded(self, rotations: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """``ras_from_camera`` (B, 4, 4)."""
        camera_from_ras = np.tile(np.eye(4), (len(rotations), 1, 1))
        # float32 products are rigid to six digits only
        left, _, right = np.linalg.svd(np.asarray(rotations, float))
        turned = self.camera_turn @ (left @ right) @ self.patient_turn
        at_center = (np.asarray(shifts, float) + self.offset) @ self.camera_turn.T
        camera_from_ras[:, :3, :3] = turned
        camera_from_ras[:, :3, 3] = at_center - turned @ self.center_ras
        return rigid.inverse(camera_from_ras)

    def in_camera(self, points_ras: np.ndarray) -> np.ndarray:
        """Points (N, 3) relative to the center, along the axes that rotations turn."""
        return (np.asarray(points_ras) - self.center_ras) @ self.patient_turn.T


def predicted(network, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotations (B, 3, 3) and shifts (B, 3; mm) that a network sees in images."""
    return understood(network.design, *network(images))


def understood(design, outputs: torch.Tensor, translations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rotations (B, 3, 3) and shifts (B, 3; mm) that a network's outputs mean, by its ``NetworkDesign``."""
    rotations = rotation_matrices(outputs, design.parameterization)
    return (rotations.mT, -translations) if design.of_camera else (rotations, translations)


def mean_distances(points: torch.Tensor, first: tuple, second: tuple) -> torch.Tensor:
    """mTRE (B,) in mm between two poses, each rotations and shifts, over points (N, 3) from :meth:`in_camera`."""
    turned = torch.einsum("bij,nj->bni", first[0] - second[0], points)
    return (turned + (first[1] - second[1])[:, None]).norm(dim=-1).mean(dim=1)
