"""Local optimization of a pose from where it stands."""

from dataclasses import dataclass

import numpy as np

from xvrcore.objective import Comparison


@dataclass(frozen=True)
class RefinementStep:
    """After one iteration of an optimizer: the best pose (4x4) of its stage so far, and that pose's score."""

    stage: int
    comparison: Comparison
    iteration: int
    best_pose: np.ndarray
    best_score: float
