"""What a network is punished for. A loss gives named terms (B,), one value an example, of which "loss" is minimized."""

from dataclasses import dataclass, field

import torch

from xvrcore.networks.poses import mean_distances
from xvrcore.refine.ncc import multiscale_ncc, standardized
from xvrcore.training.examples import Batch
from xvrcore.training.rendered import RenderedBatch

Poses = tuple[torch.Tensor, torch.Tensor]
"""Rotations (B, 3, 3) and shifts (B, 3; mm)."""
FAR_MM = 40.0
"""Of the mTRE: from here on its square outweighs it."""


@dataclass(frozen=True)
class FiducialLoss:
    """mTRE in mm over ``points`` (N, 3), as ``RelativePoses.in_camera`` gives them, and its square over
    :data:`FAR_MM`: poses far off cost more, as few of them as possible shall lie beyond what refinement forgives."""

    points: torch.Tensor = field(repr=False)

    def __call__(self, batch: Batch, found: Poses) -> dict[str, torch.Tensor]:
        distances = mean_distances(self.points, found, (batch.rotations, batch.shifts))
        return {"loss": distances + distances.square() / FAR_MM, "mtre_mm": distances}


@dataclass(frozen=True)
class ImageLoss:
    """xvr's: the DRR at the predicted pose against the one at the true pose, and the distance of the poses.

    V. Gopalakrishnan et al., arXiv 2503.16309: multi-scale NCC, double geodesic and Dice of the segments.
    ``consistency_weight``: of the same geodesic between the motions from each view of the batch to the next.
    """

    sdd_mm: float
    geodesic_weight: float
    dice_weight: float
    consistency_weight: float

    def __call__(self, batch: RenderedBatch, found: Poses) -> dict[str, torch.Tensor]:
        true = (batch.rotations, batch.shifts)
        first, second = (standardized(images, torch.ones_like(images[:1]))
                         for images in (batch.integrals, batch.subject.integrals(*found, batch.detector_mm)))
        similarity = multiscale_ncc(first, second, torch.ones_like(first[:1]))
        geodesic = double_geodesic(found, true, self.sdd_mm)
        terms = {"similarity": similarity, "geodesic_mm": geodesic}
        loss = 1 - similarity + self.geodesic_weight * geodesic
        if batch.segments:
            silhouettes = batch.subject.silhouettes(*found, batch.detector_mm, batch.segments)
            terms["dice"] = dice(silhouettes, batch.silhouettes)
            loss = loss + self.dice_weight * (1 - terms["dice"])
        if self.consistency_weight:
            terms["consistency_mm"] = double_geodesic(_to_next(found), _to_next(true), self.sdd_mm)
            loss = loss + self.consistency_weight * terms["consistency_mm"]
        return {"loss": loss, **terms}


def double_geodesic(first: Poses, second: Poses, sdd_mm: float) -> torch.Tensor:
    """Distances (B,) of poses in mm: the angle between rotations, as an arc at half the SDD, and that of the shifts."""
    arc = rotation_angles(first[0], second[0]) * sdd_mm / 2
    return (arc.square() + (first[1] - second[1]).square().sum(-1) + 1e-6).sqrt()


def dice(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Soft Dice (B,) of silhouettes (B, segments, h, w), the mean over the segments; 1 of two that are equal.

    Milletari et al., "V-Net", 3DV 2016: with squares, so that equal ones are best also where they are half opaque.
    """
    overlap, squares = 2 * (first * second).sum((2, 3)), (first.square() + second.square()).sum((2, 3))
    return ((overlap + 1) / (squares + 1)).mean(dim=1)


def rotation_angles(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Angles (B,) in radians between rotations (B, 3, 3); the gradient stays finite where they are equal."""
    between = first.mT @ second
    sine = 0.5 * torch.stack([between[:, 2, 1] - between[:, 1, 2], between[:, 0, 2] - between[:, 2, 0],
                              between[:, 1, 0] - between[:, 0, 1]], dim=-1)
    cosine = 0.5 * (between.diagonal(dim1=1, dim2=2).sum(-1) - 1)
    return torch.atan2((sine.square().sum(-1) + 1e-12).sqrt(), cosine)


def _to_next(poses: Poses) -> Poses:
    """The motions from each pose of a batch to the one after it, the last to the first."""
    rotations, shifts = poses
    turns = rotations.roll(-1, 0) @ rotations.mT
    return turns, shifts.roll(-1, 0) - (turns @ shifts[..., None])[..., 0]
