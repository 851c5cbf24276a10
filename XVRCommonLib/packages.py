"""The Python packages that computing needs: what is missing, asking, installing, and trying out."""

import importlib.metadata
import subprocess

import slicer.packaging
from slicer.i18n import tr as _

TORCH = "torch>=2.2"
RENDERING = ("numba>=0.59", "scipy>=1.10", "pydicom>=3.0", "pillow>=10")
NETWORKS = (*RENDERING, "tqdm>=4.60", "safetensors>=0.4", "filelock>=3.12", "psutil>=5.9", TORCH)
"""Also what training and using networks needs."""
UNTOUCHED = ("numpy", "SimpleITK", "vtk", "torch")
"""Slicer's own, and what the PyTorch extension brings: installing another version of these breaks Slicer."""


def missingPackages(requirements):
    """Those that are not met; nothing is imported."""
    return [requirement for requirement in requirements if not slicer.packaging.pip_check(requirement)]


def install(requirements, requester):
    """Ask, and install what is missing, with Slicer's own packages as they are.

    :raises RuntimeError: the user declined, the PyTorch extension is not there, or pip failed.
    """
    missing = missingPackages(requirements)
    try:
        if TORCH in missing:
            _installTorch()
        slicer.packaging.pip_ensure([one for one in missing if one != TORCH], constraints=None,
                                    skip_packages=list(UNTOUCHED), requester=requester)
    except subprocess.CalledProcessError as error:
        raise RuntimeError(_("Installing has failed: see Slicer's Python console, check the connection, and try "
                             "again.")) from error


def _installTorch():
    """By the PyTorch extension, which finds the build that fits this computer."""
    try:
        from PyTorchUtils import PyTorchUtilsLogic
    except ImportError as error:
        raise RuntimeError(_("The PyTorch extension is missing: install it with the Extensions Manager, restart "
                             "Slicer, and try again.")) from error
    version = TORCH.removeprefix("torch")
    if PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=version) is None:
        raise RuntimeError(_("PyTorch was not installed."))


def selfCheck():
    """Render a small block, and say in words which versions did it.

    :raises RuntimeError: the kernel's result is wrong.
    """
    import numpy as np

    from xvrcore.camera import Intrinsics
    from xvrcore.positioner import camera_pose
    from xvrcore.render import make_projector
    from xvrcore.volume import Volume

    block = np.zeros((16, 16, 16), np.float32)
    block[4:12, 4:12, 4:12] = 0.02
    place = np.eye(4)
    place[:3, 3] = -7.5
    projector = make_projector(Volume(block, place, "attenuation"))
    rays = projector.integrals(camera_pose(0, 0, 700.0, np.zeros(3))[None],
                               Intrinsics(1000.0, (1.0, 1.0), (0, 0), 2, 2).detector_points(0, 0)[None])
    if abs(float(rays.values[0, 0]) - 0.16) > 0.01:
        raise RuntimeError(_("The rendering kernel gives wrong values on this computer."))
    return _("Ready: {backend} on {device}, numba {version}.").format(
        backend=projector.name, device=projector.device, version=importlib.metadata.version("numba"))
