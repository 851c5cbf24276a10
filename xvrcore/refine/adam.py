"""xvr's refinement: Adam on multi-scale NCC and gradient NCC, coarse to fine, the step cut at plateaus.

V. Gopalakrishnan et al., arXiv 2503.16309. The pose derivative of the DRR comes from the ray caster, that of the
similarity by the DRR from torch; each step is a left twist about the objective's center.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from xvrcore import rigid
from xvrcore.objective import Comparison, Objective
from xvrcore.refine import RefinementStep
from xvrcore.refine.ncc import PATCH, similarity

LEAST_PIXELS = 20
"""With fewer valid pixels two images cannot be compared: their score is -1."""


@dataclass(frozen=True)
class AdamSettings:
    """``sizes`` are the stages' image sizes in pixels along the longer side.

    From stage to stage the learning rates fall as 1, 1/2, 1/8, 1/64 ..., as in xvr. A plateau is ``patience``
    iterations without a gain of ``threshold`` (relative); it multiplies them by ``plateau_factor``, and the
    last of ``plateaus`` ends the stage.
    """

    sizes: tuple[int, ...] = (64, 128, 256)
    rotation_rate_rad: float = 1e-2
    translation_rate_mm: float = 1.0
    iterations: int = 250
    patience: int = 10
    threshold: float = 1e-4
    plateau_factor: float = 0.1
    plateaus: int = 3


@dataclass(frozen=True)
class AdamResult:
    """The best ``pose`` (4x4), its ``score`` in -1..1 at the last stage's size, and the number of DRRs rendered."""

    pose: np.ndarray
    score: float
    renders: int


def refine_adam(objective: Objective, start_pose: np.ndarray,
                settings: AdamSettings = AdamSettings()) -> Iterator[RefinementStep]:
    """Refine one pose (4x4); a generator of :class:`RefinementStep` whose return value is an :class:`AdamResult`.

    A pose that scores below the start at the last stage's size never replaces it.
    """
    pose, scale, renders = start_pose, 1.0, 0
    for stage, size in enumerate(settings.sizes):
        scale *= 2 ** stage
        comparison = Comparison(size, PATCH)
        for step in _climb(objective, pose, comparison, stage, scale, settings):
            renders += 1
            yield step
        pose, score = step.best_pose, step.best_score
    start_score = evaluate(objective, start_pose, comparison)[0]
    if start_score > score:
        pose, score = start_pose, start_score
    return AdamResult(pose, score, renders + 1)


def _climb(objective: Objective, pose: np.ndarray, comparison: Comparison, stage: int, scale: float,
           settings: AdamSettings) -> Iterator[RefinementStep]:
    """One stage. Adam's parameters are the next twist: they start from zero at every step, its moments live on."""
    rotation, translation = (torch.zeros(3, dtype=torch.float64) for _ in range(2))
    optimizer = torch.optim.Adam([{"params": [rotation], "lr": settings.rotation_rate_rad / scale},
                                  {"params": [translation], "lr": settings.translation_rate_mm / scale}], maximize=True)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=settings.plateau_factor, patience=settings.patience, threshold=settings.threshold)
    best_pose, best_score = pose, -np.inf
    for iteration in range(settings.iterations):
        score, gradient = evaluate(objective, pose, comparison)
        if score > best_score:
            best_pose, best_score = pose, score
        yield RefinementStep(stage, comparison, iteration, best_pose, best_score)
        for parameters, part in ((rotation, gradient[:3]), (translation, gradient[3:])):
            parameters.zero_()
            parameters.grad = torch.from_numpy(part)
        optimizer.step()
        schedule.step(score)
        lowest = settings.plateau_factor ** (settings.plateaus - 0.5) * settings.rotation_rate_rad / scale
        if optimizer.param_groups[0]["lr"] < lowest:
            return
        twist = np.r_[rotation.numpy(), translation.numpy()]
        pose = rigid.twist_motion(twist, objective.center_ras) @ pose


def evaluate(objective: Objective, pose: np.ndarray, comparison: Comparison) -> tuple[float, np.ndarray]:
    """Similarity of a pose (4x4) and its gradient (6,) by a left twist about the objective's center."""
    level = objective.pyramid.level(comparison.size)
    drr, jacobian, weight = objective.render_with_jacobian(pose[None], level)
    if weight.sum() < LEAST_PIXELS:
        return -1.0, np.zeros(6)
    image = torch.from_numpy(drr[0]).requires_grad_()
    score = similarity(image, torch.from_numpy(level.image), torch.from_numpy(weight[0]))
    by_pixel, = torch.autograd.grad(score, image)
    return score.item(), np.einsum("hw,hwk->k", by_pixel.numpy(), jacobian[0], dtype=np.float64)
