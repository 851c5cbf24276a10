"""Whether to trust a registration: a rule on stated figures, and how far the pose could move unnoticed."""

from dataclasses import asdict, dataclass

import numpy as np

from xvrcore.refine.lm import TWIST_SCALE
from xvrcore.result import Verdict

NOTICED_RISE = 0.05
"""A pose has moved noticeably once the mean squared residual has risen by this share."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on. Similarities are locally normalized correlations, -1..1.

    ``similarity`` of the final pose at the finest comparison; ``coarse_similarity`` of it, and of its best
    ``rival`` elsewhere, where the finalists are ranked; ``agreement``, the share of the sampled starts that ended
    there; ``explained_share`` of the X-ray's valid pixels whose rays the CT knows.
    """

    similarity: float
    coarse_similarity: float
    rival: float
    agreement: float
    explained_share: float

    def figures(self) -> dict[str, float]:
        return asdict(self)


def judge(evidence: Evidence) -> Verdict:
    label = "registered" if evidence.similarity > 0.45 else "failed"
    return Verdict(label, evidence.similarity, ())


def weak_directions(curvature: np.ndarray | None, ras_from_camera: np.ndarray) -> dict[str, float]:
    """How far the pose could move (mm, about the scan's middle) before the residual rises noticeably.

    Directions are the image's own: right, down, depth; and turns about them, in mm at 100 mm from the middle.
    The other parameters are free to follow (marginal, not conditional, uncertainty).
    """
    if curvature is None or not curvature.any():
        return {}
    covariance = np.linalg.pinv(curvature) * TWIST_SCALE[:, None] * TWIST_SCALE
    names = ("turn about right", "turn about down", "turn about beam", "right", "down", "depth")
    axes = np.kron(np.eye(2), ras_from_camera[:3, :3])
    variances = np.einsum("ai,ab,bi->i", axes, covariance, axes)
    lengths = np.sqrt(NOTICED_RISE * np.maximum(variances, 0)) * np.r_[[100.0] * 3, [1.0] * 3]
    return dict(zip(names, map(float, lengths), strict=True))
