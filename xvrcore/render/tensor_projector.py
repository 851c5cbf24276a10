"""What the backends built on torch share: levels as tensors, rays in passes, derivatives by autograd."""

from functools import cache

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.render.projector import RayIntegrals
from xvrcore.render.pyramid import Level, build_pyramid
from xvrcore.volume import Volume


def available_device(wanted: str = "auto") -> str:
    """A torch device that exists here: the one asked for, or the fastest ("cuda", "mps", "cpu").

    :raises InputError: the device asked for is not there.
    """
    found = [kind for kind, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
             if there] + ["cpu"]
    if wanted == "auto":
        return found[0]
    if wanted.split(":")[0] not in found:
        raise InputError(f"There is no device {wanted!r} on this computer; choose among {', '.join(found)}.")
    return wanted


class TensorProjector:
    """Base of the backends that integrate with torch; see :class:`xvrcore.render.projector.Projector`.

    A backend says how rays of one level are integrated, :meth:`_integrate`; they come in RAS relative to the
    volume's center, where float32 is precise to a fraction of a micrometer.
    """

    name: str
    samples_per_pass = 2_000_000
    """Bounds the memory of one pass: its rays times their samples."""

    def __init__(self, attenuation: Volume, device: str = "auto"):
        self.device = available_device(device)
        self._levels = build_pyramid(attenuation)
        self.center_ras = attenuation.center_ras
        self.level_pitch_mm = tuple(level.pitch_mm for level in self._levels)
        self._prepared = cache(lambda level: self._prepare(self._levels[level]))

    def integrals(self, poses: np.ndarray, targets: np.ndarray, *, level: int = 0,
                  gradient: bool = False) -> RayIntegrals:
        """See :meth:`xvrcore.render.projector.Projector.integrals`."""
        shape = (len(poses), len(targets))
        ends = np.stack([rigid.apply(pose, targets) for pose in poses]) - self.center_ras
        sources = np.broadcast_to((poses[:, :3, 3] - self.center_ras)[:, None], ends.shape)
        rays = [torch.tensor(points.reshape(-1, 3), dtype=torch.float32) for points in (sources, ends)]
        step = max(1, self.samples_per_pass // samples_along_ray(self._levels[level]))
        passes = [self._pass(level, *(r[i:i + step].to(self.device) for r in rays), gradient)
                  for i in range(0, len(rays[0]), step)]
        values, *derivatives = (torch.cat(parts).cpu().numpy() for parts in zip(*passes, strict=True))
        return RayIntegrals(values.reshape(shape), *(d.reshape(*shape, 3) for d in derivatives))

    def differentiable(self, sources: torch.Tensor, ends: torch.Tensor, level: int = 0) -> torch.Tensor:
        """Integrals (R,) between points (R, 3) on this device, RAS relative to ``center_ras``; gradients flow to both.

        Of many passes only the rays are kept; their samples are taken again when the gradient is asked for.
        """
        prepared = self._prepared(level)
        step = max(1, self.samples_per_pass // samples_along_ray(self._levels[level]))
        if len(ends) <= step:
            return self._integrate(prepared, sources, ends)
        return torch.cat([checkpoint(self._integrate, prepared, *rays, use_reentrant=False, preserve_rng_state=False)
                          for rays in zip(sources.split(step), ends.split(step), strict=True)])

    def _pass(self, level: int, sources: torch.Tensor, ends: torch.Tensor, gradient: bool) -> tuple[torch.Tensor, ...]:
        with torch.set_grad_enabled(gradient):
            sources.requires_grad_(gradient)
            ends.requires_grad_(gradient)
            values = self._integrate(self._prepared(level), sources, ends)
        if not gradient:
            return (values,)
        # every ray has its own source and end, so the gradient of the sum holds each ray's own derivatives
        return (values.detach(), *torch.autograd.grad(values.sum(), (sources, ends)))

    def _prepare(self, level: Level):
        """Whatever :meth:`_integrate` needs of a level, made when the level is first used."""
        raise NotImplementedError

    def _integrate(self, prepared, sources: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        """Integrals (R,) of rays between points (R, 3), differentiable by both."""
        raise NotImplementedError

    def _centered_from_ijk(self, level: Level) -> np.ndarray:
        """4x4 from a level's voxel indices to the frame of the rays."""
        matrix = level.ras_from_ijk.copy()
        matrix[:3, 3] -= self.center_ras
        return matrix


def samples_along_ray(level: Level) -> int:
    """As many samples as the longest axis has voxels: there the sampling error is below that of interpolation."""
    return max(level.shape)


def crossing(source: torch.Tensor, along: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Fractions (R,) of rays between which they cross the voxels' support, -1 to size; equal where they miss.

    ``source`` and ``along`` (R, 3) are in voxels, ``size`` (3,) counts them.
    """
    along = torch.where(along.abs() < 1e-6, 1e-6, along)
    first, second = (-1 - source) / along, (size - source) / along
    enter = torch.minimum(first, second).amax(dim=-1).clamp(0, 1)
    leave = torch.maximum(first, second).amin(dim=-1).clamp(0, 1)
    return enter, torch.maximum(enter, leave)
