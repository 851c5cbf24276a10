"""What a trained network sees in X-rays: it looks at one as it is, then again, aimed at the patient it saw."""

import numpy as np
import torch
from scipy.stats import qmc

from xvrcore.camera import Intrinsics
from xvrcore.networks.aiming import aimed, spread, turned
from xvrcore.networks.inputs import inputs_of
from xvrcore.networks.poses import RelativePoses, predicted
from xvrcore.xray_pyramid import XrayLevel

LOOKS = 8
"""Aimed ones, all a little different; their mean is better than any one of them."""


def seen_poses(network, levels: list[XrayLevel], intrinsics: Intrinsics, relative: RelativePoses) -> np.ndarray:
    """``ras_from_camera`` (B, 4, 4) of X-rays reduced for a network that sees ``intrinsics``."""
    turns = aimed(relative.decoded(*seen_as_they_are(network, levels, intrinsics)), relative)
    turns = (turns[:, None] @ spread(2 * qmc.Sobol(3, seed=0).random(LOOKS) - 1)).reshape(-1, 3, 3)
    repeated = [level for level in levels for _ in range(LOOKS)]
    poses = relative.decoded(*_seen(network, inputs_of(repeated, turns, intrinsics, network.design.channels)))
    rotations, shifts = relative.encoded(turned(poses, np.swapaxes(turns, 1, 2)))
    return relative.decoded(rotations.reshape(-1, LOOKS, 3, 3).mean(1), shifts.reshape(-1, LOOKS, 3).mean(1))


def seen_as_they_are(network, levels: list[XrayLevel], intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (B, 3, 3) and translations (B, 3; mm) that the network puts out for the X-rays without a turn."""
    straight = np.tile(np.eye(3), (len(levels), 1, 1))
    return _seen(network, inputs_of(levels, straight, intrinsics, network.design.channels))


def _seen(network, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        found = predicted(network, torch.from_numpy(inputs).to(next(network.parameters()).device))
    return tuple(part.cpu().numpy() for part in found)
