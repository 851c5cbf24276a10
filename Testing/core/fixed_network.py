"""A network that predicts one pose, whatever it sees: for tests of what is done with predictions."""

import numpy as np
import torch

from xvrcore.checkpoint import Checkpoint
from xvrcore.networks.frames import RelativeFrame
from xvrcore.networks.inputs import network_intrinsics
from xvrcore.networks.ranges import preset
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.volume import Volume

DESIGN = NetworkDesign("small", 2, 64, "rotation_6d", 50.0)


def network_that_says(pose: np.ndarray, volume: Volume, intrinsics) -> Checkpoint:
    """A checkpoint of a network trained on ``volume`` that predicts ``pose``."""
    frame = RelativeFrame.around(preset("chest", "PA", 650.0), volume)
    weights = {name: torch.zeros_like(tensor) for name, tensor in PoseNetwork(DESIGN).state_dict().items()}
    rotations, shifts = frame.relative.encoded(pose[None])
    weights["rot_regression.bias"] = torch.tensor(rotations[0, :2].ravel(), dtype=torch.float32)
    weights["xyz_regression.bias"] = torch.tensor(shifts[0] / DESIGN.unit_mm, dtype=torch.float32)
    return Checkpoint(DESIGN, network_intrinsics(intrinsics, 64), frame, weights)
