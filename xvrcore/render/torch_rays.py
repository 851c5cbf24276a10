"""Ray casting with torch alone, on any device: trilinear samples at the midpoints of equal steps."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import grid_sample, pad

from xvrcore.render.pyramid import Level
from xvrcore.render.tensor_projector import TensorProjector, crossing, samples_along_ray


@dataclass(frozen=True)
class _Prepared:
    volume: torch.Tensor
    ijk_from_rays: torch.Tensor
    size: torch.Tensor
    samples: int


class TorchProjector(TensorProjector):
    """Trilinear sampling with ``grid_sample``.

    On a CPU torch's ``grid_sample`` runs in parallel over the batch axis only, so rays are dealt out over it.
    """

    name = "torch"

    def _prepare(self, level: Level) -> _Prepared:
        ijk_from_rays = np.linalg.inv(self._centered_from_ijk(level))
        return _Prepared(torch.from_numpy(level.dense()).to(self.device),
                         torch.tensor(ijk_from_rays, dtype=torch.float32, device=self.device),
                         torch.tensor(level.shape[::-1], device=self.device), samples_along_ray(level))

    def _integrate(self, prepared: _Prepared, sources: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        turn, shift = prepared.ijk_from_rays[:3, :3].T, prepared.ijk_from_rays[:3, 3]
        source, along = sources @ turn + shift, (ends - sources) @ turn
        enter, leave = crossing(source, along, prepared.size)
        middles = (torch.arange(prepared.samples, device=self.device) + 0.5) / prepared.samples
        at = enter[:, None] + (leave - enter)[:, None] * middles
        points = source[:, None] + at[..., None] * along[:, None]
        sums = _sampled(prepared.volume, (2 * points + 1) / prepared.size - 1).sum(dim=-1)
        return sums * (leave - enter) / prepared.samples * (ends - sources).norm(dim=-1)


def _sampled(volume: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Values (R, S) at normalized points (R, S, 3), zero outside the volume."""
    rays, samples, _ = grid.shape
    parts = torch.get_num_threads() if grid.device.type == "cpu" else 1
    grid = pad(grid, (0, 0, 0, 0, 0, -rays % parts)).reshape(parts, 1, -1, samples, 3)
    values = grid_sample(volume.expand(parts, 1, *volume.shape), grid, align_corners=False)
    return values.reshape(-1, samples)[:rays]
