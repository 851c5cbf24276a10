"""The pose of a camera with known intrinsics from landmarks: perspective-n-point with wrong pairs left out.

Poses of three points (Grunert's equations as in R. M. Haralick et al., "Review and analysis of solutions of the three
point perspective pose estimation problem", IJCV 13(3), 1994) are tried on all pairs, the best are refined robustly,
and what then lies too far off is an outlier (M. A. Fischler and R. C. Bolles, "Random sample consensus", 1981).
"""

from dataclasses import dataclass, field
from itertools import combinations
from math import comb

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError

FEWEST_PAIRS = 4
INLIER_MM = 5.0
"""How far, on the detector, a landmark may lie from where it should be: a careful click at a blurred edge."""
MAX_TRIPLES = 200
REFINED = 8
LENIENCY = (4, 2, 1, 1)
"""A triple's pose amplifies the errors of its pixels: what counts as explained narrows while it is refined."""
MAX_STEPS, SMALLEST_STEP = 25, 1e-9
SMALLEST_WIDTH_MM = 2.0
"""Landmarks nearer than this to one line, or one point, leave the pose open."""
SAME_POSE_DEG, SAME_POSE_MM = 2.0, 20.0
ALTERNATIVE = 2.0
"""Poses whose error is below this many times the best's (or a pixel) are worth trying as well."""


@dataclass(frozen=True)
class PnpResult:
    """``ras_from_camera`` (4x4); per pair whether it was used and its distance in pixels from where it should be.

    ``outliers`` are the names of the pairs left out. ``alternatives`` are other poses that explain the landmarks
    about as well, as four or coplanar ones allow.
    """

    ras_from_camera: np.ndarray = field(repr=False)
    inliers: np.ndarray
    reprojection_px: np.ndarray
    outliers: tuple[str, ...]
    alternatives: tuple[np.ndarray, ...] = field(default=(), repr=False)

    @property
    def rms_px(self) -> float:
        """Root mean square reprojection error of the pairs that were used."""
        return float(np.sqrt(np.mean(self.reprojection_px[self.inliers] ** 2)))


def pose_from_landmarks(points_ras, pixels, intrinsics: Intrinsics, *, names=None) -> PnpResult:
    """The pose from which points (N, 3; RAS mm) are seen at stored pixels (N, 2; u, v).

    :param names: what to call the pairs; numbers from 1 without it.
    :raises InputError: fewer than 4 pairs, all on one line, or no pose explains more than half (of four: all) of them.
    """
    points, pixels = np.asarray(points_ras, float), np.asarray(pixels, float)
    names = tuple(str(n) for n in (names if names is not None else range(1, len(points) + 1)))
    inlier_px = INLIER_MM / min(intrinsics.spacing_mm)
    _require_usable(points, pixels, names)
    start = _hypotheses(points, pixels, intrinsics, np.random.default_rng(0), inlier_px)
    fits = [_fit(pose, points, pixels, intrinsics, inlier_px) for pose in start]
    fits.sort(key=lambda fit: _cost(fit[1], inlier_px))
    needed = max(FEWEST_PAIRS, len(points) // 2 + 1)
    if not fits or np.count_nonzero(fits[0][1] <= inlier_px) < needed:
        raise InputError(_contradiction(fits, names, inlier_px))
    pose, errors = fits[0]
    inliers = errors <= inlier_px
    limit = max(ALTERNATIVE * _rms(errors[inliers]), 1.0)
    others: list[np.ndarray] = []
    for other, its_errors in fits[1:]:
        if _rms(its_errors[inliers]) <= limit and all(_distinct(other, known, points) for known in (pose, *others)):
            others.append(other)
    outliers = tuple(name for name, used in zip(names, inliers, strict=True) if not used)
    return PnpResult(pose, inliers, errors, outliers, tuple(others))


def _require_usable(points: np.ndarray, pixels: np.ndarray, names: tuple[str, ...]) -> None:
    if points.ndim != 2 or points.shape[1] != 3 or pixels.shape != (len(points), 2) or len(names) != len(points):
        raise InputError(f"Landmarks come as N points with 3 and N pixels with 2 coordinates, not as {points.shape} "
                         f"and {pixels.shape}.")
    if len(points) < FEWEST_PAIRS:
        raise InputError(f"{len(points)} landmarks were given; at least {FEWEST_PAIRS} are needed for a pose.")
    if not (np.isfinite(points).all() and np.isfinite(pixels).all()):
        raise InputError("A landmark holds a value that is not a number; mark it again.")
    if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] < SMALLEST_WIDTH_MM:
        raise InputError(f"The landmarks {', '.join(names)} lie on one line, which leaves the pose open; "
                         "mark one more beside it.")


def _contradiction(fits: list, names: tuple[str, ...], inlier_px: float) -> str:
    if not fits:
        return f"No pose puts the landmarks {', '.join(names)} in front of the X-ray source; check their pixels."
    errors = ", ".join(f"{name} {error:.0f} px" for name, error in zip(names, fits[0][1], strict=True))
    return (f"The landmarks contradict each other (off by {errors}; at most {inlier_px:.3g} px is right); "
            "check their names, their pixels, the flip and the geometry.")


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors ** 2)))


def _cost(errors: np.ndarray, inlier_px: float) -> float:
    """Squared errors, each at most that of an outlier (MSAC)."""
    return float(np.sum(np.minimum(errors, inlier_px) ** 2))


def _errors(pose: np.ndarray, points: np.ndarray, pixels: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """Distances in pixels; infinite behind the source."""
    uv, _ = Camera(intrinsics, pose).project(points)
    return np.nan_to_num(np.linalg.norm(uv - pixels, axis=1), nan=np.inf)


def _hypotheses(points, pixels, intrinsics, rng, inlier_px) -> list[np.ndarray]:
    """The poses of triples that explain all pairs best, at most twice ``REFINED``."""
    toward = np.linalg.solve(intrinsics.matrix, np.column_stack([pixels, np.ones(len(pixels))]).T).T
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    count = len(points)
    if comb(count, 3) <= MAX_TRIPLES:
        triples = [list(t) for t in combinations(range(count), 3)]
    else:
        triples = [rng.choice(count, 3, replace=False) for _ in range(MAX_TRIPLES)]
    found = [pose for triple in triples for pose in _three_point_poses(points[triple], toward[triple])]
    errors = [_errors(pose, points, pixels, intrinsics) for pose in found]
    kept: list[np.ndarray] = []
    for leniency in (LENIENCY[-1], LENIENCY[0]):      # exact pairs stand out strictly, noisy ones leniently
        order = np.argsort([_cost(its_errors, leniency * inlier_px) for its_errors in errors], kind="stable")
        kept += _first_distinct((found[n] for n in order), kept, points)
    return kept


def _first_distinct(poses, known: list[np.ndarray], points: np.ndarray) -> list[np.ndarray]:
    """The first of ``poses`` that differ from one another and from those ``known``."""
    chosen: list[np.ndarray] = []
    for pose in poses:
        if len(chosen) < REFINED and all(_distinct(pose, other, points) for other in known + chosen):
            chosen.append(pose)
    return chosen


def _distinct(first: np.ndarray, second: np.ndarray, points: np.ndarray) -> bool:
    moved = np.linalg.norm(rigid.apply(rigid.inverse(first), points.mean(0)) -
                           rigid.apply(rigid.inverse(second), points.mean(0)))
    return rigid.rotation_angle_deg(first, second) > SAME_POSE_DEG or moved > SAME_POSE_MM


def _three_point_poses(points: np.ndarray, toward: np.ndarray) -> list[np.ndarray]:
    """Poses (4x4) that see three points along three unit vectors of the camera: at most four, none if degenerate."""
    a2, b2, c2 = (np.sum((points[i] - points[j]) ** 2) for i, j in ((1, 2), (0, 2), (0, 1)))
    cos_a, cos_b, cos_c = (toward[i] @ toward[j] for i, j in ((1, 2), (0, 2), (0, 1)))
    if np.linalg.norm(np.cross(points[1] - points[0], points[2] - points[0])) < SMALLEST_WIDTH_MM ** 2:
        return []
    difference, total = (a2 - c2) / b2, (a2 + c2) / b2
    quartic = [(difference - 1) ** 2 - 4 * c2 / b2 * cos_a ** 2,
               4 * (difference * (1 - difference) * cos_b - (1 - total) * cos_a * cos_c
                    + 2 * c2 / b2 * cos_a ** 2 * cos_b),
               2 * (difference ** 2 - 1 + 2 * difference ** 2 * cos_b ** 2 + 2 * (b2 - c2) / b2 * cos_a ** 2
                    - 4 * total * cos_a * cos_b * cos_c + 2 * (b2 - a2) / b2 * cos_c ** 2),
               4 * (-difference * (1 + difference) * cos_b + 2 * a2 / b2 * cos_c ** 2 * cos_b
                    - (1 - total) * cos_a * cos_c),
               (1 + difference) ** 2 - 4 * a2 / b2 * cos_c ** 2]
    poses = []
    for ratio in np.unique(np.roots(quartic).real):      # noise makes double roots complex: their real part still helps
        scale, denominator = 1 + ratio ** 2 - 2 * ratio * cos_b, 2 * (cos_c - ratio * cos_a)
        if ratio <= 0 or scale <= 0 or denominator == 0:
            continue
        other = ((difference - 1) * ratio ** 2 - 2 * difference * cos_b * ratio + 1 + difference) / denominator
        if other > 0:
            depth = np.sqrt(b2 / scale)
            poses.append(_aligned(points, depth * np.array([1, other, ratio])[:, None] * toward))
    return poses


def _aligned(points_ras: np.ndarray, points_camera: np.ndarray) -> np.ndarray:
    """The proper rigid ``ras_from_camera`` that brings points onto points best (Kabsch)."""
    ras_center, camera_center = points_ras.mean(axis=0), points_camera.mean(axis=0)
    left, _, right = np.linalg.svd((points_ras - ras_center).T @ (points_camera - camera_center))
    pose = np.eye(4)
    pose[:3, :3] = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    pose[:3, 3] = ras_center - pose[:3, :3] @ camera_center
    return pose


def _fit(pose, points, pixels, intrinsics, inlier_px) -> tuple[np.ndarray, np.ndarray]:
    """The pose refined on the pairs it explains, ever more strictly, and the errors of all pairs."""
    errors = _errors(pose, points, pixels, intrinsics)
    for leniency in LENIENCY:
        nearest = np.sort(errors)[FEWEST_PAIRS - 1]
        used = errors <= max(leniency * inlier_px, nearest)
        pose = _refined(pose, points[used], pixels[used], intrinsics)
        errors = _errors(pose, points, pixels, intrinsics)
    return pose, errors


def _refined(pose, points, pixels, intrinsics) -> np.ndarray:
    """Least squares of the reprojection errors by Levenberg-Marquardt over twists about the points' center."""
    center = points.mean(axis=0)
    residuals, jacobian = _linearized(pose, points, pixels, intrinsics, center)
    damping = 1e-6
    for _ in range(MAX_STEPS):
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)) + np.eye(6) * 1e-12,
                               -jacobian.T @ residuals)
        trial = rigid.twist_motion(step, center) @ pose
        its_residuals, its_jacobian = _linearized(trial, points, pixels, intrinsics, center)
        if its_residuals @ its_residuals < residuals @ residuals:
            pose, residuals, jacobian, damping = trial, its_residuals, its_jacobian, damping / 10
        else:
            damping *= 100
        if np.abs(step).max() < SMALLEST_STEP:
            break
    return pose


def _linearized(pose, points, pixels, intrinsics, center) -> tuple[np.ndarray, np.ndarray]:
    """Reprojection errors (2N,) in pixels and their derivatives (2N, 6) by a left twist of the pose."""
    camera_from_ras = rigid.inverse(pose)
    in_camera = rigid.apply(camera_from_ras, points)
    depth = np.maximum(in_camera[:, 2], 1.0)[:, None]      # behind the source: pushed, never divided by zero
    uv = (in_camera @ intrinsics.matrix.T)[:, :2] / depth
    by_camera = (intrinsics.matrix[None, :2] - uv[:, :, None] * np.array([0, 0, 1.0])) / depth[:, :, None]
    by_ras = by_camera @ camera_from_ras[:3, :3]
    by_turn = -np.cross((points - center)[:, None], by_ras)      # the camera turned: the points turn back
    return (uv - pixels).ravel(), np.concatenate([by_turn, -by_ras], axis=2).reshape(-1, 6)
