"""How well a pose explains an X-ray: render, leave out what the CT cannot know, compare locally."""

from dataclasses import dataclass

import numpy as np

from xvrcore.camera import Camera, Intrinsics
from xvrcore.render import Projector, pose_jacobian
from xvrcore.render.truncation import truncated_rays
from xvrcore.similarity import NormalEquations, Scores, local_normal_equations, local_scores
from xvrcore.volume import Volume
from xvrcore.xray import Xray
from xvrcore.xray_pyramid import XrayLevel, XrayPyramid

VALUES_PER_BATCH, VALUES_PER_RAY = 1_500_000, 8
"""Numbers rendered at once, so that memory stays bounded whatever the number of poses; of each ray its integral, six
derivatives, and a weight."""

FULL_SHARE = 0.5
"""Below this share of the X-ray's valid pixels explained by the CT, the score is lowered."""
LEAST_SHARE = 0.12
"""Below this share a pose explains too little of the X-ray to be judged at all."""
COARSEST_RATIO = 1.15
"""A rendering level may be at most this much coarser than the image level it is compared with."""


@dataclass(frozen=True)
class Comparison:
    """What is compared at one stage: image size (pixels along the longer side) and window (odd, pixels)."""

    size: int
    window: int


class Objective:
    """One reading of an X-ray against one rendering of the patient.

    ``center_ras`` is what twists turn about; ``cut_faces`` are the faces of the CT's grid beyond which the
    anatomy goes on (see :func:`xvrcore.attenuation.cut_faces`).
    """

    def __init__(self, attenuation: Volume, projector: Projector, cut_faces: tuple[bool, ...], xray: Xray):
        self.attenuation, self.projector, self.cut_faces, self.xray = attenuation, projector, cut_faces, xray
        self.center_ras = attenuation.center_ras
        self.pyramid = XrayPyramid(xray)

    def scores(self, poses: np.ndarray, comparison: Comparison) -> np.ndarray:
        """Correlations (B,) in -1..1 of poses (B, 4, 4), lowered where little of the X-ray is explained."""
        level = self.pyramid.level(comparison.size)
        found = []
        for batch in _batches(poses, level):
            drr, weight = self.render(batch, level.intrinsics)
            scores = local_scores(drr, level.image, weight * level.valid, comparison.window)
            found.append(_trusted(scores, level))
        return np.concatenate(found)

    def normal_equations(self, poses: np.ndarray, comparison: Comparison) -> tuple[NormalEquations, np.ndarray]:
        """Gauss-Newton's H and g by a left twist, the plain figures, and the scores as in :meth:`scores`."""
        level = self.pyramid.level(comparison.size)
        parts = []
        for batch in _batches(poses, level):
            drr, jacobian, weight = self.render_with_jacobian(batch, level)
            parts.append(local_normal_equations(drr, jacobian, level.image, weight, comparison.window))
        scores = Scores(*(np.concatenate([getattr(p.scores, name) for p in parts])
                          for name in ("cost", "correlation", "pixels")))
        equations = NormalEquations(np.concatenate([p.hessian for p in parts]),
                                    np.concatenate([p.gradient for p in parts]), scores)
        return equations, _trusted(scores, level)

    def with_intrinsics(self, camera: Camera, comparison: Comparison):
        """The comparison under a camera whose intrinsics differ from the X-ray's own by principal point and SDD.

        :return: DRR (1, h, w), its Jacobian (1, h, w, 9) by twist, by the principal point (mm right, mm down at
            the detector) and by the SDD (mm), weights (1, h, w), and the X-ray (h, w).
        """
        level = self.pyramid.level(comparison.size)
        step = level.intrinsics.spacing_mm[0] / self.xray.intrinsics.spacing_mm[0]
        (cu, cv), (lu, lv) = self.xray.intrinsics.principal_point_px, level.intrinsics.principal_point_px
        intrinsics = camera.intrinsics.region(cu - lu * step, cv - lv * step, step, *level.image.shape)
        pose, targets = camera.ras_from_camera[None], intrinsics.pixel_grid().reshape(-1, 3)
        rays = self.projector.integrals(pose, targets, level=self._level_for(pose, intrinsics), gradient=True)
        by_pose = pose_jacobian(rays, pose, targets, self.center_ras)
        by_camera_target = rays.by_target @ pose[0, :3, :3]
        by_principal_point = -by_camera_target[..., :2] * [intrinsics.direction, 1.0]
        jacobian = np.concatenate([by_pose, by_principal_point, by_camera_target[..., 2:]], axis=-1)
        shape = (1, *level.image.shape)
        weight = self._known(pose, targets).reshape(shape) * level.valid
        return rays.values.reshape(shape), jacobian.astype(np.float32).reshape(*shape, 9), weight, level.image

    def explained_share(self, pose: np.ndarray, comparison: Comparison) -> float:
        """Share of the X-ray's valid pixels that take part at ``pose`` (4x4)."""
        level = self.pyramid.level(comparison.size)
        known = self._known(pose[None], level.targets).reshape(level.valid.shape)
        return float((known * level.valid).sum() / max(level.valid.sum(), 1))

    def render(self, poses: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        """DRRs (B, rows, cols) and 1 where the CT knows the whole ray, else 0; both float32."""
        targets = intrinsics.pixel_grid().reshape(-1, 3)
        shape = (len(poses), intrinsics.rows, intrinsics.cols)
        rays = self.projector.integrals(poses, targets, level=self._level_for(poses, intrinsics))
        return rays.values.reshape(shape), self._known(poses, targets).reshape(shape)

    def render_with_jacobian(self, poses, level: XrayLevel):
        """DRRs (B, h, w), their Jacobians (B, h, w, 6) by a left twist, and weights (B, h, w), all float32."""
        shape = (len(poses), *level.image.shape)
        rays = self.projector.integrals(poses, level.targets, level=self._level_for(poses, level.intrinsics),
                                        gradient=True)
        jacobian = pose_jacobian(rays, poses, level.targets, self.center_ras).reshape(*shape, 6)
        return rays.values.reshape(shape), jacobian, self._known(poses, level.targets).reshape(shape) * level.valid

    def _known(self, poses, targets) -> np.ndarray:
        return 1 - truncated_rays(self.attenuation, self.cut_faces, poses, targets).astype(np.float32)

    def _level_for(self, poses, intrinsics: Intrinsics) -> int:
        """The coarsest rendering level that is fine enough for the image's pitch at the patient."""
        depth = float(np.median(np.linalg.norm(poses[:, :3, 3] - self.center_ras, axis=1)))
        pitch_mm = max(intrinsics.spacing_mm) * depth / intrinsics.sdd_mm
        fitting = [i for i, p in enumerate(self.projector.level_pitch_mm) if p <= COARSEST_RATIO * pitch_mm]
        return fitting[-1] if fitting else 0


def _batches(poses: np.ndarray, level: XrayLevel):
    step = max(1, VALUES_PER_BATCH // (level.image.size * VALUES_PER_RAY))
    return (poses[i:i + step] for i in range(0, len(poses), step))


def _trusted(scores: Scores, level: XrayLevel) -> np.ndarray:
    share = scores.pixels / max(level.valid.sum(), 1)
    return np.where(share < LEAST_SHARE, -1.0, scores.correlation * np.sqrt(np.minimum(1, share / FULL_SHARE)))
