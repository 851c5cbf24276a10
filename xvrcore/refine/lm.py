"""Batched Levenberg-Marquardt on locally normalized images, coarse to fine.

Many poses are refined at once: each keeps its own damping and stops on its own. A step is accepted only if
it lowers the cost; the best pose of each stage starts the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xvrcore import rigid
from xvrcore.objective import Comparison, Objective
from xvrcore.refine import RefinementStep

TWIST_SCALE = np.array([0.01, 0.01, 0.01, 1.0, 1.0, 1.0])
"""Radians and mm that move an image by about the same amount: the optimizer's unit of length (about 1 mm)."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-5, 1e4
LONGEST_STEP = 30.0
SMALLEST_STEP = 0.02
HIDING_SHARE, HIDING_COST = 0.2, 2.0
"""A pose may not lower its cost by moving the CT out of view: below this share of pixels, cost is added."""


@dataclass(frozen=True)
class LmStage:
    """One resolution of the descent. A step that lowers the cost by less than ``least_gain`` of it was the last one."""

    comparison: Comparison
    iterations: int = 12
    least_gain: float = 1e-3


@dataclass(frozen=True)
class LmResult:
    """Poses (B, 4, 4), their scores (B,) at the last stage, and ``curvatures`` (B, 6, 6).

    A curvature is the Gauss-Newton Hessian by a twist in units of :data:`TWIST_SCALE`, relative to the cost: a
    step ``d`` raises the mean squared residual by the share ``d @ curvature @ d``.
    """

    poses: np.ndarray
    scores: np.ndarray
    curvatures: np.ndarray


def refine_lm(objective: Objective, poses: np.ndarray, stages: tuple[LmStage, ...]) -> Iterator[RefinementStep]:
    """Refine poses (B, 4, 4); a generator of :class:`RefinementStep` whose return value is an :class:`LmResult`."""
    result = LmResult(poses, np.full(len(poses), -1.0), np.zeros((len(poses), 6, 6)))
    for number, stage in enumerate(stages):
        descent = _Descent(objective, result.poses, stage)
        for iteration in range(stage.iterations):
            if not descent.active.any():
                break
            descent.step()
            best = int(np.argmax(descent.scores))
            yield RefinementStep(number, stage.comparison, iteration, descent.best[best], float(descent.scores[best]))
        result = LmResult(descent.best, descent.scores, descent.curvatures)
    return result


class _Descent:
    """The state of one stage for a batch of poses."""

    def __init__(self, objective: Objective, poses: np.ndarray, stage: LmStage):
        self.objective, self.comparison, self.least_gain = objective, stage.comparison, stage.least_gain
        count = len(poses)
        self.best, self.trial = poses.copy(), poses.copy()
        self.costs, self.scores = np.full(count, np.inf), np.full(count, -1.0)
        self.hessians, self.gradients = np.zeros((count, 6, 6)), np.zeros((count, 6))
        self.curvatures = np.zeros((count, 6, 6))
        self.damping = np.full(count, FIRST_DAMPING)
        self.active = np.ones(count, bool)

    def step(self):
        tried = np.flatnonzero(self.active)
        equations, scores = self.objective.normal_equations(self.trial[tried], self.comparison)
        costs = self._cost(equations.scores)
        improved = costs < self.costs[tried]
        won = tried[improved]
        settled = won[self.costs[won] - costs[improved] < self.least_gain * costs[improved]]
        self.costs[won], self.scores[won] = costs[improved], scores[improved]
        self.best[won] = self.trial[won]
        self.hessians[won] = equations.hessian[improved] * TWIST_SCALE[:, None] * TWIST_SCALE
        self.gradients[won] = equations.gradient[improved] * TWIST_SCALE
        squares = np.maximum(equations.scores.cost * equations.scores.pixels, 1e-12)[improved]
        self.curvatures[won] = self.hessians[won] / squares[:, None, None]
        self.damping[won] = np.maximum(self.damping[won] * 0.2, LEAST_DAMPING)
        self.damping[tried[~improved]] *= 8
        self.active &= (self.damping <= MOST_DAMPING) & np.isfinite(self.costs)
        self.active[settled] = False
        self._propose()

    def _cost(self, figures) -> np.ndarray:
        """Mean squared residual, infinite where nothing can be compared, raised where the CT leaves the view."""
        valid = max(float(self.objective.pyramid.level(self.comparison.size).valid.sum()), 1)
        hidden = np.maximum(0, HIDING_SHARE - figures.pixels / valid)
        return np.where(figures.pixels < 20, np.inf, figures.cost + HIDING_COST * hidden)

    def _propose(self):
        """The next damped Gauss-Newton step from the best pose of each active member."""
        moving = np.flatnonzero(self.active)
        if not len(moving):
            return
        hessian = self.hessians[moving]
        diagonal = np.einsum("bii->bi", hessian)
        damped = hessian + np.eye(6) * (self.damping[moving, None] * diagonal + 1e-6)[:, None, :]
        step = -np.linalg.solve(damped, self.gradients[moving][..., None])[..., 0]
        length = np.linalg.norm(step, axis=1)
        self.active[moving[length < SMALLEST_STEP]] = False
        step *= np.minimum(1, LONGEST_STEP / np.maximum(length, 1e-12))[:, None]
        motion = rigid.twist_motion(step * TWIST_SCALE, self.objective.center_ras)
        self.trial[moving] = motion @ self.best[moving]
