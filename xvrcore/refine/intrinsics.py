"""The principal point, and on request the SDD, refined together with the pose.

From one view they are told from the pose by perspective alone, which is weak: a principal point offset looks
almost like a shift of the patient. So both are held near their stated values by priors, and the result says
how far they moved. Off by default.
"""

from dataclasses import dataclass, replace

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.objective import Comparison, Objective
from xvrcore.refine.lm import TWIST_SCALE
from xvrcore.similarity import local_normal_equations

PRINCIPAL_POINT_PRIOR_MM = 5.0
SDD_PRIOR_SHARE = 0.02
"""Standard deviations of the priors: at the detector, and relative to the stated SDD."""
PRIOR_STRENGTH = 0.002
"""What one standard deviation costs, as a share of the mean squared residual at the start: as much as one window of
the compared image, whose pixels together tell one thing."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-8, 1e2
"""Small, because pose and principal point trade against each other along a valley that damping would close."""
SMALLEST_STEP = 0.01


@dataclass(frozen=True)
class IntrinsicsSettings:
    """``principal_point`` and ``sdd`` say what may move."""

    principal_point: bool = True
    sdd: bool = False
    comparison: Comparison = Comparison(256, 11)
    iterations: int = 25


def refine_with_intrinsics(objective: Objective, camera: Camera,
                           settings: IntrinsicsSettings | None = None) -> Camera:
    """The camera whose pose and intrinsics together explain the X-ray best, starting from ``camera``."""
    settings = settings or IntrinsicsSettings()
    unit = _Trial(objective, camera, camera.intrinsics, settings, strength=0.0).cost * PRIOR_STRENGTH
    best = _Trial(objective, camera, camera.intrinsics, settings, unit)
    damping = FIRST_DAMPING
    for _ in range(settings.iterations):
        diagonal = np.diag(best.hessian)
        step = -np.linalg.solve(best.hessian + np.diag(damping * diagonal + 1e-9), best.gradient)
        trial = _Trial(objective, best.moved(step), camera.intrinsics, settings, unit)
        if trial.cost < best.cost:
            best, damping = trial, max(damping * 0.1, LEAST_DAMPING)
            if damping <= LEAST_DAMPING and np.abs(step).max() < SMALLEST_STEP:
                break
        else:
            damping *= 8
            if damping > MOST_DAMPING:
                break
    return best.camera


class _Trial:
    """One camera: its cost with priors, and the normal equations by twist, principal point (mm) and SDD (%)."""

    def __init__(self, objective: Objective, camera: Camera, stated: Intrinsics, settings: IntrinsicsSettings,
                 strength: float):
        self.camera, self.free = camera, np.array([True] * 6 + [settings.principal_point] * 2 + [settings.sdd])
        drr, jacobian, weight, image = objective.with_intrinsics(camera, settings.comparison)
        scale = np.r_[TWIST_SCALE, 1.0, 1.0, camera.intrinsics.sdd_mm / 100]
        equations = local_normal_equations(drr, jacobian * scale.astype(np.float32), image, weight,
                                           settings.comparison.window)
        pixels = max(float(equations.scores.pixels[0]), 1)
        away, deviation = _from_stated(camera.intrinsics, stated), np.r_[np.full(2, PRINCIPAL_POINT_PRIOR_MM),
                                                                        100 * SDD_PRIOR_SHARE]
        self.cost = float(equations.scores.cost[0]) + strength * float(((away / deviation) ** 2).sum())
        prior = np.r_[np.zeros(6), strength / deviation**2]
        hessian = equations.hessian[0] / pixels + np.diag(prior)
        gradient = equations.gradient[0] / pixels + prior * np.r_[np.zeros(6), away]
        self.hessian = np.where(np.outer(self.free, self.free), hessian, np.eye(9))
        self.gradient = np.where(self.free, gradient, 0)
        self._center = objective.center_ras

    def moved(self, step: np.ndarray) -> Camera:
        """The camera after a step in the units of the normal equations."""
        k = self.camera.intrinsics
        (dy, dx), (cu, cv) = k.spacing_mm, k.principal_point_px
        intrinsics = replace(k, principal_point_px=(cu + step[6] / dx, cv + step[7] / dy),
                             sdd_mm=k.sdd_mm * (1 + step[8] / 100))
        motion = rigid.twist_motion(step[:6] * TWIST_SCALE, self._center)
        return Camera(intrinsics, motion @ self.camera.ras_from_camera)


def _from_stated(now: Intrinsics, stated: Intrinsics) -> np.ndarray:
    """How far principal point (mm right, down) and SDD (%) are from what was stated."""
    dy, dx = stated.spacing_mm
    return np.array([(now.principal_point_px[0] - stated.principal_point_px[0]) * dx,
                     (now.principal_point_px[1] - stated.principal_point_px[1]) * dy,
                     100 * (now.sdd_mm / stated.sdd_mm - 1)])
