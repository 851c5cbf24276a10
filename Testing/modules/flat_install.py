"""Run by test_extension_packaging.py: opens the modules of a folder arranged as Slicer installs them.

``flat_install.py FOLDER bare`` with the packages alone that Slicer brings, ``... FOLDER torchless`` with all that
computing needs but torch.
"""

import sys
from pathlib import Path

FOLDER, MODE = Path(sys.argv[1]), sys.argv[2]
MODULES = ("XVRFinetune", "XVRRegistration")
WAIT_S = 300
"""Kernels are compiled anew there, which takes its time on a loaded machine."""

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
ABSENT = ("numba", "tqdm", "safetensors", "filelock", "psutil", "torch") if MODE == "bare" else ("torch",)
from slicerhost import packaging, start  # noqa: E402
from slicerhost import testing as user  # noqa: E402
from slicerhost.faults import ledger  # noqa: E402


def main():
    host = start()
    packaging.reset()
    sys.meta_path.insert(0, Absent())
    if MODE == "bare":
        packaging.missing.update(ABSENT)
    for name in MODULES:
        panel = opened(host, name)
        assert panel.ui.installSection.visible == (MODE == "bare")
        assert ("numba" in panel.ui.installLabel.text) == (MODE == "bare")
        if name == "XVRFinetune" and MODE != "bare":
            draw_views(panel)
            run_worker()
    import xvrcore

    assert Path(xvrcore.__file__).is_relative_to(FOLDER), xvrcore.__file__
    ledger.check()
    host.close()


class Absent:
    """Finds nothing of the packages that are to be absent."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def opened(host, name):
    import slicer

    host.load_module(FOLDER / f"{name}.py")
    slicer.util.selectModule(name)
    host.processEvents()
    return slicer.util.getModuleWidget(name)


def draw_views(panel):
    """What XVRFinetune computes in Slicer's own process."""
    import numpy as np
    import slicer

    values = np.full((40, 40, 40), -1000, np.int16)
    values[10:30, 10:30, 10:30] = 500
    panel.parameters.ct = slicer.util.addVolumeFromArray(values, name="block")
    panel.parameters.rows, panel.parameters.cols = 100, 100
    panel.session.edit(sdd_mm=1000.0, pixel_spacing_mm=(1.0, 1.0))
    user.wait_until(lambda: panel.session.picture is not None, WAIT_S, "views are drawn")
    user.wait_until(lambda: panel.ui.startButton.enabled, WAIT_S, "ready")


def run_worker():
    """The worker's Python finds the installed core."""
    from XVRFinetuneLib.worker_python import Command

    command = Command(["jobs", "list", str(FOLDER)])
    user.wait_until(lambda: command.exitCode() is not None, WAIT_S, "it ends")
    assert command.exitCode() == 0, command.complaint()


main()
