"""Ray casting with DiffDRR's trilinear renderer: the reference that the other backends are compared with."""

import numpy as np
import torch
from diffdrr.renderers import Trilinear

from xvrcore.render.pyramid import Level
from xvrcore.render.tensor_projector import TensorProjector, crossing, samples_along_ray


class DiffdrrProjector(TensorProjector):
    """DiffDRR's samples between the points where each ray crosses the volume.

    Left alone, DiffDRR spreads its samples over the widest range that any ray of the image needs.
    """

    name = "diffdrr"
    samples_per_voxel = 2

    def _prepare(self, level: Level) -> tuple[torch.Tensor, torch.Tensor, Trilinear, int]:
        ijk_from_rays = np.linalg.inv(self._centered_from_ijk(level))
        density = torch.from_numpy(level.dense()).permute(2, 1, 0).to(self.device)
        return (density, torch.tensor(ijk_from_rays, dtype=torch.float32, device=self.device), Trilinear(),
                self.samples_per_voxel * samples_along_ray(level))

    def _integrate(self, prepared, sources: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        density, ijk_from_rays, renderer, samples = prepared
        lengths = (ends - sources).norm(dim=-1)[None, None]
        source, end = (p[None] @ ijk_from_rays[:3, :3].T + ijk_from_rays[:3, 3] for p in (sources, ends))
        size = torch.tensor(density.shape, device=self.device)
        enter, leave = (at[None, :, None] for at in crossing(source[0], (end - source)[0], size))
        return renderer(density, source, end, lengths, n_points=samples, alphamin=enter, alphamax=leave).reshape(-1)
