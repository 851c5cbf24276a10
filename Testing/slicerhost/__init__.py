"""A test host for Slicer scripted modules: Slicer's own libraries and PySide6 in one headless process.

Import this package before `vtk`, `slicer` or `PySide6`: it chooses the offscreen back ends.
`start()` makes `slicer.app`, `qt`, `ctk` and the `slicer.*` Python modules that the wheel lacks.
"""

import os
import sys

if "vtkmodules" in sys.modules or "PySide6.QtGui" in sys.modules:
    raise ImportError("import slicerhost before vtk, slicer and PySide6: it chooses their offscreen back ends")
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("LP_NUM_THREADS", "0")  # Mesa draws in the thread that asks, and competes with no other

_application = None


def start():
    """Start the host, once a process, and return `slicer.app`."""
    global _application
    if _application is None:
        from . import faults, pythonqt

        faults.install()
        pythonqt.install()
        from .application import SlicerApplication

        _application = SlicerApplication()
        faults.ledger.check()
    return _application
