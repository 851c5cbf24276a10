"""`slicer.packaging`, and the PyTorch extension's `PyTorchUtils`: they ask and record, but never run pip.

A test says what is missing (`missing.add("kornia")`) and what pip will fail with (`unavailable.add("kornia")`),
answers the question through `dialogs`, and reads `requests`: what pip would have been told to install.
"""

import importlib.metadata
import subprocess
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import slicer
from packaging.requirements import Requirement

from .pythonqt.dialogs import dialogs

missing = set()  # names of packages that are to look as if they were not installed
unavailable = set()  # names of packages that pip does not find
requests = []  # InstallRequest objects


@dataclass(frozen=True)
class InstallRequest:
    """One call that would have changed the Python environment."""

    requirements: tuple
    options: dict = field(default_factory=dict)


def reset():
    missing.clear()
    unavailable.clear()
    requests.clear()
    extensions.__init__()
    add_pytorch_extension(installed=False)


def _parse(requirements):
    if isinstance(requirements, str):
        requirements = [requirements] if ";" in requirements else requirements.split()
    if isinstance(requirements, Requirement):
        requirements = [requirements]
    return [r if isinstance(r, Requirement) else Requirement(r) for r in requirements]


def pip_check(requirements):
    """Whether all are installed in a fitting version."""
    return all(_is_satisfied(r) for r in _parse(requirements))


def _is_satisfied(requirement):
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.name in missing:
        return False
    try:
        return importlib.metadata.version(requirement.name) in requirement.specifier
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_install(requirements, **options):
    """Record the request; the packages are no longer missing afterwards. CalledProcessError when pip fails."""
    parsed = _parse(requirements)
    if unavailable.intersection(r.name for r in parsed):
        raise subprocess.CalledProcessError(1, ["pip", "install", *map(str, parsed)])
    requests.append(InstallRequest(tuple(str(r) for r in parsed), options))
    missing.difference_update(r.name for r in parsed)


def pip_uninstall(requirements, **options):
    raise RuntimeError(f"a module must not uninstall packages: {requirements}")


def pip_ensure(requirements, constraints=None, skip_packages=None, prompt_install=True, prompt_restart=True,
               requester=None, skip_in_testing=True, show_progress=True):  # fmt: skip
    """Ask for what is missing and install it; RuntimeError when the user declines."""
    needed = [r for r in _parse(requirements) if not _is_satisfied(r)]
    if not needed or (skip_in_testing and slicer.app.testingEnabled()):
        return
    import qt

    if prompt_install:
        text = f"{requester or 'A module'} requires packages: {', '.join(str(r) for r in needed)}. Install now?"
        if dialogs.ask("install prompt", text, "", qt.QMessageBox.Cancel) not in (
            qt.QMessageBox.Ok,
            qt.QMessageBox.Yes,
        ):
            raise RuntimeError("User declined package installation")
    pip_install([str(r) for r in needed], constraints=constraints, skip_packages=skip_packages)


def load_requirements(path):
    lines = (line.strip() for line in Path(path).read_text().splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


class ExtensionsManagerModel:
    """`slicer.app.extensionsManagerModel()`: knows what the test put into `installed`; installs by noting it."""

    def __init__(self):
        self.installed, self.requested = set(), []

    def isExtensionInstalled(self, name):
        return name in self.installed

    def installExtensionFromServer(self, name, restart=True, update=True):
        self.requested.append(name)
        return True


extensions = ExtensionsManagerModel()


class PyTorchUtilsLogic:
    """The PyTorch extension's logic: torch is there unless the test lists it in `missing`."""

    def torchInstalled(self):
        return "torch" not in missing

    def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None,
                     torchvisionVersionRequirement=None):  # fmt: skip
        """The torch module; None when the user declines."""
        import qt

        if "torch" in missing and askConfirmation:
            answer = dialogs.ask(
                "install prompt", "PyTorch will be downloaded and installed.", "", qt.QMessageBox.Cancel
            )
            if answer not in (qt.QMessageBox.Ok, qt.QMessageBox.Yes):
                return None
        if "torch" in missing:
            options = {"backend": forceComputationBackend}
            requests.append(InstallRequest((f"torch{torchVersionRequirement or ''}",), options))
            missing.discard("torch")
        return self.torch

    @property
    def torch(self):
        if "torch" in missing:
            return None
        import torch

        return torch


def add_pytorch_extension(installed=True):
    """Make `import PyTorchUtils` work, or fail as without the extension (the state at a test's start)."""
    sys.modules.pop("PyTorchUtils", None)
    extensions.installed.discard("PyTorch")
    if not installed:
        return
    extensions.installed.add("PyTorch")
    module = types.ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic
    sys.modules["PyTorchUtils"] = module
