"""ResNet-18 and -34 with GroupNorm, one gray channel in, features out.

He et al., CVPR 2016; Wu and He, "Group normalization", ECCV 2018. Names and shapes of all weights are those of
timm's ``resnet18`` and ``resnet34`` with ``norm_layer="groupnorm"``, so that networks trained by xvr fit strictly.
"""

import torch
from torch import nn

GROUPS = 32
STAGES = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
WIDTHS = (64, 128, 256, 512)
FEATURES = WIDTHS[-1]


class ResNet(nn.Module):
    """Images (B, channels, h, w) to features (B, 512)."""

    def __init__(self, blocks: tuple[int, ...], channels: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.GroupNorm(GROUPS, WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = WIDTHS[0]
        for number, (count, width) in enumerate(zip(blocks, WIDTHS, strict=True), 1):
            first = BasicBlock(inputs, width, 1 if number == 1 else 2)
            rest = [BasicBlock(width, width, 1) for _ in range(count - 1)]
            setattr(self, f"layer{number}", nn.Sequential(first, *rest))
            inputs = width
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
        return features.mean(dim=(2, 3))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut, which is projected where shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.GroupNorm(GROUPS, outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.GroupNorm(GROUPS, outputs))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        shortcut = images if self.downsample is None else self.downsample(images)
        features = torch.relu(self.bn1(self.conv1(images)))
        return torch.relu(self.bn2(self.conv2(features)) + shortcut)
