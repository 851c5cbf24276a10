"""A network that regresses a pose: a backbone and two linear heads, one for the rotation, one for the translation."""

import math
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from xvrcore.errors import InputError
from xvrcore.networks import resnet, small
from xvrcore.networks.rotations import component_count, identity_outputs

NETWORKS = ("small", *resnet.STAGES)
SIZES_PX = (16, 1024)
"""Least and largest images that a network sees."""
FIRST_SHIFT_MM = 50.0
"""About how far off an untrained network's shifts are."""


@dataclass(frozen=True)
class NetworkDesign:
    """What a network is made of, enough to build it again.

    ``channels`` and ``size`` (pixels a side) of its images; ``parameterization`` of its rotations; ``unit_mm`` is how
    many mm an output of 1 means. ``of_camera``: it tells, as DiffDRR does, the camera's motion against the patient,
    along the turned axes, instead of the patient's against the camera.
    """

    name: str
    channels: int
    size: int
    parameterization: str
    unit_mm: float
    of_camera: bool = False

    def __post_init__(self):
        component_count(self.parameterization)
        if self.name not in NETWORKS:
            raise InputError(f"There is no network {self.name!r}; choose one of {', '.join(NETWORKS)}.")
        if self.name == "small" and self.size != small.INPUT_SIZE:
            raise InputError(f"The small network sees {small.INPUT_SIZE} pixels a side, not {self.size}.")
        if not isinstance(self.size, int) or not SIZES_PX[0] <= self.size <= SIZES_PX[1]:
            raise InputError(f"A network sees {SIZES_PX[0]} to {SIZES_PX[1]} pixels a side, not {self.size}.")
        if self.channels not in (1, 2) or not 0 < self.unit_mm < math.inf or self.of_camera not in (True, False):
            raise InputError(f"There is no network of {self.channels} channels and a unit of {self.unit_mm} mm.")


class PoseNetwork(nn.Module):
    """Images (B, channels, size, size) to rotation outputs (B, components) and translations (B, 3) in mm.

    Its weights are named as those of xvr's ``PoseRegressor``.
    """

    def __init__(self, design: NetworkDesign):
        super().__init__()
        self.design = design
        if design.name == "small":
            self.backbone, features = small.SmallNetwork(design.channels), small.FEATURES
        else:
            self.backbone, features = resnet.ResNet(resnet.STAGES[design.name], design.channels), resnet.FEATURES
        self.xyz_regression = nn.Linear(features, 3)
        self.rot_regression = nn.Linear(features, component_count(design.parameterization))

    def begin_at_identity(self) -> None:
        """Make the untrained network's rotations and shifts small, whatever it sees."""
        with torch.no_grad():
            self.rot_regression.bias.copy_(identity_outputs(self.design.parameterization))
            self.rot_regression.weight.mul_(0.3)
            for part in self.xyz_regression.parameters():
                part.mul_(min(1.0, FIRST_SHIFT_MM / self.design.unit_mm))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """In training the backbone works in bfloat16 on GPUs that can; heads and poses always are float32."""
        half = self.training and _has_bfloat16(images.device)
        with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
            features = self.backbone(images).float()
        return self.rot_regression(features), self.design.unit_mm * self.xyz_regression(features)


def _has_bfloat16(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
