"""The renderers compared by the speed benchmark, each through its own library's usual path on the CPU.

A contender renders one pose of one camera: ``forward()`` gives the image, ``gradient()`` the image and the
derivative of a weighted sum of its pixels by the pose, which is what one step of an optimizer needs.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from diffdrr.renderers import Trilinear
from nanodrr.data import Subject
from nanodrr.drr import render as nanodrr_render

from xvrcore.camera import Camera
from xvrcore.render import Projector, pose_jacobian
from xvrcore.volume import Volume

RAYS_AT_ONCE = 128 * 128
"""The sampling renderers keep every sample of a ray for the gradient: more rays at once exhaust the memory."""


@dataclass(frozen=True)
class Ours:
    """xvrcore's CPU kernel at full resolution; its gradient comes as the full Jacobian (N, 6)."""

    name: str
    projector: Projector
    camera: Camera
    center_ras: np.ndarray

    def _rays(self, targets: np.ndarray, gradient: bool):
        return self.projector.integrals(self.camera.ras_from_camera[None], targets, gradient=gradient)

    def forward(self) -> np.ndarray:
        return self.at(self.camera.intrinsics.pixel_grid().reshape(-1, 3))

    def at(self, targets: np.ndarray) -> np.ndarray:
        """Integrals (N,) to some targets (N, 3), camera frame, mm."""
        return self._rays(targets, False).values[0]

    def gradient(self) -> np.ndarray:
        targets = self.camera.intrinsics.pixel_grid().reshape(-1, 3)
        pose = self.camera.ras_from_camera[None]
        return pose_jacobian(self._rays(targets, True), pose, targets, self.center_ras)[0].sum(axis=0)


@dataclass(frozen=True)
class Sampling:
    """A renderer that samples every ray ``samples`` times; subclasses render targets (N, 3) with a pose (1, 4, 4)."""

    name: str
    attenuation: Volume = field(repr=False)
    camera: Camera
    samples: int

    def render(self, pose: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self) -> np.ndarray:
        return self.at(self.camera.intrinsics.pixel_grid().reshape(-1, 3))

    def at(self, targets: np.ndarray) -> np.ndarray:
        """Integrals (N,) to some targets (N, 3), camera frame, mm."""
        with torch.no_grad():
            return torch.cat([self.render(self._pose(), part) for part in self._parts(targets)]).numpy()

    def gradient(self) -> np.ndarray:
        pose = self._pose().requires_grad_()
        for part in self._parts(self.camera.intrinsics.pixel_grid().reshape(-1, 3)):
            self.render(pose, part).sum().backward()
        return pose.grad.numpy()

    def _pose(self) -> torch.Tensor:
        return torch.tensor(self.camera.ras_from_camera[None], dtype=torch.float32)

    def _parts(self, targets: np.ndarray):
        return torch.tensor(targets, dtype=torch.float32).split(RAYS_AT_ONCE)


@dataclass(frozen=True)
class Nanodrr(Sampling):
    """nanodrr's ``render`` with its torch backend."""

    library = "nanodrr"

    def __post_init__(self):
        object.__setattr__(self, "subject", nanodrr_subject(self.attenuation))

    def render(self, pose, targets):
        rays = targets[None]
        return nanodrr_render(self.subject, None, pose, torch.tensor([self.camera.intrinsics.sdd_mm]), 1, len(targets),
                              self.samples, src=torch.zeros(1, 1, 3), tgt=rays, backend="torch").reshape(-1)


@dataclass(frozen=True)
class Diffdrr(Sampling):
    """DiffDRR's trilinear renderer."""

    library = "DiffDRR"

    def __post_init__(self):
        # its volume is indexed [i, j, k]
        values = torch.from_numpy(np.ascontiguousarray(self.attenuation.values.transpose(2, 1, 0)))
        object.__setattr__(self, "volume", values)
        object.__setattr__(self, "ijk_from_ras",
                           torch.tensor(np.linalg.inv(self.attenuation.ras_from_ijk), dtype=torch.float32))
        object.__setattr__(self, "renderer", Trilinear(voxel_shift=0.5))

    def render(self, pose, targets):
        ijk_from_camera = self.ijk_from_ras @ pose
        ends = targets @ ijk_from_camera[0, :3, :3].T + ijk_from_camera[0, :3, 3]
        source = ijk_from_camera[:, None, :3, 3]
        lengths = targets.norm(dim=-1)[None, None]
        return self.renderer(self.volume, source, ends[None], lengths, n_points=self.samples).reshape(-1)


def nanodrr_subject(attenuation: Volume) -> Subject:
    """nanodrr's volume with the very same values, where they stand."""
    image = torch.from_numpy(np.ascontiguousarray(attenuation.values))[None, None]
    world_from_voxel = torch.tensor(attenuation.ras_from_ijk, dtype=torch.float32)
    voxel_from_world = torch.tensor(np.linalg.inv(attenuation.ras_from_ijk), dtype=torch.float32)
    return Subject(image, torch.zeros_like(image), world_from_voxel, voxel_from_world,
                   Subject._make_voxel_to_grid(image.shape), torch.tensor(attenuation.center_ras, dtype=torch.float32),
                   max_label=0, convert_to_mu=False)
