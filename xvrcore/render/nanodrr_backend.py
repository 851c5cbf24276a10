"""Ray casting with nanodrr: fused Triton (CUDA) and Metal (MPS) kernels, and its torch path on a CPU."""

import math

import numpy as np
import torch
from nanodrr.data import Subject
from nanodrr.drr import render

from xvrcore.render.pyramid import Level
from xvrcore.render.tensor_projector import TensorProjector, available_device, samples_along_ray
from xvrcore.volume import Volume

RAYS_ON_GPU = 16_000_000
"""Rays of one pass on a GPU, whose kernels store no samples."""
TILE_PX, ROW_PX = 16, 128
"""Width of the tiles, of several rows, in which nanodrr's CUDA kernel goes over an image; rows that it is given."""


class NanodrrProjector(TensorProjector):
    """nanodrr's renderer, given sources and ends itself, so that its own camera convention plays no part."""

    name = "nanodrr"

    def __init__(self, attenuation: Volume, device: str = "auto"):
        super().__init__(attenuation, device)
        if available_device(self.device) != "cpu":
            self.samples_per_pass = RAYS_ON_GPU * max(attenuation.values.shape)

    def _prepare(self, level: Level) -> tuple[Subject, int]:
        image = torch.from_numpy(level.dense())[None, None]
        centered_from_ijk = self._centered_from_ijk(level)
        subject = Subject(image, torch.zeros(1, 1, 1, 1, 1),
                          torch.tensor(centered_from_ijk, dtype=torch.float32),
                          torch.tensor(np.linalg.inv(centered_from_ijk), dtype=torch.float32),
                          Subject._make_voxel_to_grid(image.shape), torch.zeros(3), max_label=0, convert_to_mu=False)
        return subject.to(self.device), samples_along_ray(level)

    def _integrate(self, prepared: tuple[Subject, int], sources: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        subject, samples = prepared
        unmoved = torch.eye(4, device=self.device)[None]
        length = torch.ones(1, device=self.device)
        width = row_length(len(ends))
        image = render(subject, unmoved[:, :3, :3], unmoved, length, len(ends) // width, width, samples,
                       src=sources[None], tgt=ends[None])
        return image.reshape(-1)


def row_length(rays: int) -> int:
    """Into rows of how many rays they are laid: in a single row, most threads of a tile would have none."""
    found = math.gcd(rays, ROW_PX)
    return found if found >= TILE_PX else max(rays, 1)
