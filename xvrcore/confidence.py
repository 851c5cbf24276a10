"""Whether to trust a registration: a rule on stated figures, and how far the pose could move unnoticed."""

from dataclasses import asdict, dataclass

import numpy as np

from xvrcore.refine.lm import TWIST_SCALE
from xvrcore.result import Verdict

NOTICED_RISE = 0.05
"""A pose has moved noticeably once the mean squared residual has risen by this share."""

WEIGHTS, OFFSET = np.array([2.7, 9.3, 12.0, 7.3]), -11.6
"""Of similarity, coarse similarity, lead and explained share, in a logistic rule for mRPD < 2 mm. Fitted to simulated
hard cases (Testing/Benchmarks/calibrate_verdict.py), never to X-rays that the result is reported on."""
MOST_LEAD, MOST_EXPLAINED = 0.3, 0.7
"""A lead, and a share, beyond these say no more."""
UNRIVALED_LEAD = 0.15
"""What it says, at most, that a search met no other pose: others may have been overlooked, in another patient's X-ray
too (four such in 319 simulated registrations)."""
REGISTERED, DOUBTFUL = 0.9, 0.4
"""Confidences from which on a pose is called registered, and doubtful."""
LEAST_EXPLAINED = 0.3
"""A pose that explains less of the X-ray than this is never called registered."""
LEAST_PIXELS = 64 * 64
"""Nor is any pose of an X-ray with fewer valid pixels at the finest comparison: in so few, too much fits."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on. Similarities are locally normalized correlations, -1..1.

    ``similarity`` of the final pose at the finest comparison; ``coarse_similarity`` of it where the finalists are
    ranked; ``lead``, how far it is there ahead of the best other pose (all of it where a search met no other, 0
    where nothing was searched); ``agreement``, the share of the sampled starts that ended there;
    ``explained_share`` of the X-ray's valid pixels whose rays the CT knows.
    """

    similarity: float
    coarse_similarity: float
    lead: float
    agreement: float
    explained_share: float

    @property
    def unrivaled(self) -> bool:
        """A search met no other pose."""
        return self.lead == self.coarse_similarity

    def figures(self) -> dict[str, float]:
        return asdict(self)


def judge(evidence: Evidence, weak_mm: dict[str, float], pixels: int) -> Verdict:
    """The verdict: a logistic rule on :data:`WEIGHTS`, and what it rests on in sentences.

    :param weak_mm: as of :func:`weak_directions`; ``pixels``: valid ones of the X-ray at the finest comparison.
    """
    confidence = float(1 / (1 + np.exp(-(features(evidence) @ WEIGHTS + OFFSET))))
    if evidence.explained_share < LEAST_EXPLAINED or pixels < LEAST_PIXELS:
        confidence = min(confidence, REGISTERED - 0.01)
    label = "registered" if confidence >= REGISTERED else "doubtful" if confidence >= DOUBTFUL else "failed"
    return Verdict(label, confidence, tuple(_reasons(evidence, weak_mm, pixels)))


def features(evidence: Evidence) -> np.ndarray:
    """What :data:`WEIGHTS` weigh: the similarities, and the lead and the explained share within their bounds."""
    most_lead = UNRIVALED_LEAD if evidence.unrivaled else MOST_LEAD
    return np.array([evidence.similarity, evidence.coarse_similarity, np.clip(evidence.lead, 0, most_lead),
                     min(evidence.explained_share, MOST_EXPLAINED)])


def _reasons(evidence: Evidence, weak_mm: dict[str, float], pixels: int):
    """What speaks for and against, strongest first, as a clinician would say it."""
    strength = "strongly" if evidence.similarity > 0.6 else "fairly" if evidence.similarity > 0.4 else "weakly"
    yield f"The DRR agrees {strength} with the X-ray (similarity {evidence.similarity:.2f} of 1)."
    yield _lead_in_words(evidence)
    only = "Only " if evidence.explained_share < 0.5 else ""
    yield f"{only}{evidence.explained_share:.0%} of the X-ray's valid pixels show what the CT holds."
    if pixels < LEAST_PIXELS:
        yield f"Only {pixels} pixels of the X-ray are valid: too few to tell a right pose from a wrong one."
    if weak_mm:
        name = max(weak_mm, key=weak_mm.get)
        yield (f"Least certain is the {name}: {weak_mm[name]:.1f} mm of it would change the misfit "
               f"by no more than {NOTICED_RISE:.0%}.")


def _lead_in_words(evidence: Evidence) -> str:
    if evidence.unrivaled:
        return "The search met no other pose that fits."
    if evidence.lead == 0:
        return "No other pose was looked for."
    words = "clearly better" if evidence.lead > 0.2 else "a little better" if evidence.lead > 0.05 else "hardly better"
    return f"It fits {words} than the best other pose (by {evidence.lead:.2f})."


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
