"""A network small enough to learn on a CPU within minutes."""

import torch
from torch import nn

INPUT_SIZE = 64
FEATURES = 256
GROUPS = 8


class SmallNetwork(nn.Module):
    """1.5 million parameters; images (B, 2, 64, 64) to features (B, 256), position kept to the end."""

    def __init__(self, channels: int = 2, width: int = 24):
        super().__init__()
        plan = ((channels, width, 2), (width, 2 * width, 2), (2 * width, 2 * width, 1), (2 * width, 4 * width, 2),
                (4 * width, 4 * width, 1), (4 * width, 8 * width, 2), (8 * width, 8 * width, 1))
        self.blocks = nn.Sequential(*(_block(*one) for one in plan))
        self.flat = nn.Sequential(nn.Flatten(), nn.Linear(8 * width * (INPUT_SIZE // 16) ** 2, FEATURES),
                                  nn.ReLU(inplace=True))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.flat(self.blocks(images))


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(GROUPS, outputs),
                         nn.ReLU(inplace=True))
