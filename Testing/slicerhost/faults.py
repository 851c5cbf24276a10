"""What went wrong without stopping anybody: the ledger every test must leave empty.

Slicer prints these and goes on: an exception in a slot or an observer, a VTK error or warning, a Qt warning,
a modal dialog nobody answers. Here each becomes a `Fault`; `ledger.check()` raises if one is left.
"""

import re
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass

HARMLESS = (
    "invalid orientation preset name",  # a slice node made before the scene has its presets; real Slicer prints it too
    "This plugin does not support",  # Qt's offscreen platform
    "QFontDatabase: Cannot find font directory",
    "Detected locale",
)


@dataclass(frozen=True)
class Fault:
    """One fault: where it came from ("slot", "vtk", "qt", "dialog"), and its text with the traceback."""

    source: str
    text: str
    exception: BaseException | None = None

    def __str__(self):
        return f"[{self.source}] {self.text.strip()}"


class Ledger:
    """The faults since the last `clear`."""

    def __init__(self):
        self.faults = []

    def record(self, source, text, exception=None):
        """Add a fault unless its text is known to be harmless."""
        if not any(known in text for known in HARMLESS):
            self.faults.append(Fault(source, text, exception))

    def record_exception(self, exception, source="slot"):
        self.record(source, "".join(traceback.format_exception(exception)), exception)

    def clear(self):
        self.faults.clear()

    @contextmanager
    def expect(self, pattern, source=None):
        """The block has to cause at least one fault that matches the regular expression; those are forgiven."""
        before = list(self.faults)
        yield self
        new = self.faults[len(before) :]
        fits = [f for f in new if re.search(pattern, f.text) and source in (None, f.source)]
        if not fits:
            raise AssertionError(f"no fault matched {pattern!r}; there were: {[str(f) for f in new]}")
        self.faults[:] = before + [f for f in new if f not in fits]

    def check(self):
        """Raise AssertionError with all faults, and forget them."""
        texts = [str(f) for f in self.faults]
        self.clear()
        if texts:
            raise AssertionError(f"{len(texts)} fault(s) in the host:\n" + "\n".join(texts))


ledger = Ledger()


def install():
    """Route VTK's, Qt's and Python's stray errors into the ledger."""
    _watch_python()
    _watch_qt()
    _watch_vtk()


def _watch_python():
    previous = sys.excepthook

    def excepthook(kind, value, trace):
        ledger.record_exception(value)
        previous(kind, value, trace)

    sys.excepthook = excepthook  # VTK observers and PySide slots report here
    threading.excepthook = lambda args: ledger.record_exception(args.exc_value, "thread")


def _watch_qt():
    from PySide6 import QtCore

    serious = (QtCore.QtMsgType.QtWarningMsg, QtCore.QtMsgType.QtCriticalMsg, QtCore.QtMsgType.QtFatalMsg)

    def handler(kind, _context, text):
        if kind in serious:
            ledger.record("qt", text)

    QtCore.qInstallMessageHandler(handler)


def _watch_vtk():
    import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)  # the ledger has it
    window = vtk.vtkStringOutputWindow()
    vtk.vtkOutputWindow.SetInstance(window)

    @vtk.calldata_type(vtk.VTK_STRING)
    def message(_window, _event, text):
        ledger.record("vtk", text)

    for event in ("ErrorEvent", "WarningEvent", "GenericWarningEvent"):
        window.AddObserver(event, message)
