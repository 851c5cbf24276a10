"""pytest fixtures: import them in a conftest.py (`from slicerhost.fixtures import *`)."""

import gc
import threading
import time
import warnings

import pytest

from . import start
from .faults import ledger
from .pythonqt.dialogs import dialogs

__all__ = ["host", "host_application", "open_module"]

ENDING_S = 60
"""So long may threads that a module left take to end by themselves."""


@pytest.fixture(scope="session")
def host_application():
    """`slicer.app`, for the whole session."""
    application = start()
    gc.freeze()  # what exists now stays: the collections of the leak checks need not look at it
    yield application
    application.close()


@pytest.fixture
def host(host_application):
    """`slicer.app` with an empty scene and no module; afterwards no fault and nothing left behind."""
    from .testing.leaks import Leftovers

    _reset(host_application)
    ledger.clear()
    before, threads = Leftovers(), set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(already has|does not have) observer")
        yield host_application
    _reset(host_application)
    _let_end(set(threading.enumerate()) - threads)
    left = Leftovers().since(before)
    ledger.check()
    assert not left, f"left behind: {left}"


@pytest.fixture
def open_module(host):
    """`open_module(path)`: load a scripted module, show its panel, return its Python widget."""

    def open_(path):
        import slicer

        module = host.load_module(path)
        slicer.util.selectModule(module.name)
        return slicer.util.getModuleWidget(module.name)

    return open_


def _let_end(threads):
    """A closed module's thread may end its step, as it may in Slicer."""
    deadline = time.monotonic() + ENDING_S
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        time.sleep(0.01)


def _reset(application):
    """Unload the modules, empty the scene, forget dialogs, settings, packages and DICOM files."""
    import slicer

    from . import packaging
    from .sample_data import SampleDataLogic
    from .views.layout_manager import FOUR_UP

    slicer.util.mainWindow().moduleSelector().leave()
    for module in application.moduleManager().scripted_modules():
        application.moduleManager().unload(module.name)
    application.layoutManager().setLayout(FOUR_UP)
    for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
        slicer.mrmlScene.RemoveNode(node)  # a singleton: clearing the scene would keep it
    application.applicationLogic().GetInteractionNode().SwitchToViewTransformMode()
    slicer.mrmlScene.Clear()
    slicer.dicomDatabase.clear()
    packaging.reset()
    SampleDataLogic.sampleDataSources.clear()
    application.settings().clear()
    dialogs.shown.clear()
    application.processEvents()
