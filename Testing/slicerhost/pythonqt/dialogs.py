"""Modal dialogs: answered by the test, never shown, never waited for. Links are noted, not opened.

In Slicer a modal box stops a script until somebody clicks. Here a box that no test expects is a fault.
"""

import re
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6 import QtGui, QtWidgets

from ..faults import ledger


@dataclass(frozen=True)
class Shown:
    """A modal dialog as the user would have read it."""

    kind: str
    text: str
    details: str = ""


class Dialogs:
    """What modal dialogs came up, and how the test answers them."""

    def __init__(self):
        self.shown = []
        self._answers = []

    @contextmanager
    def answer(self, pattern, value):
        """Within the block, dialogs whose text matches are answered with `value`; at least one has to come.

        `value` is a button for a message box, a path (or list of paths) for a file dialog, a result for a QDialog.
        """
        entry, first = (re.compile(pattern, re.DOTALL), value), len(self.shown)
        self._answers.append(entry)
        try:
            yield self
        finally:
            self._answers.remove(entry)
        if not any(entry[0].search(s.text) for s in self.shown[first:]):
            raise AssertionError(f"no dialog matched {pattern!r}; there were {self.shown[first:]}")

    def ask(self, kind, text, details, default):
        """Record a dialog and return the test's answer, or `default` and a fault."""
        self.shown.append(Shown(kind, text, details))
        for pattern, value in reversed(self._answers):
            if pattern.search(text):
                return value
        ledger.record("dialog", f"nobody answers the modal {kind}: {text}\n{details}")
        return default


dialogs = Dialogs()


def _exec(self, *_):
    if isinstance(self, QtWidgets.QMessageBox):
        text = "\n".join(t for t in (self.text, self.informativeText) if t)
        return dialogs.ask("message box", text, self.detailedText, QtWidgets.QMessageBox.Cancel)
    texts = [label.text for label in self.findChildren(QtWidgets.QLabel)]
    result = dialogs.ask(type(self).__name__, "\n".join([self.windowTitle, *texts]), "", QtWidgets.QDialog.Rejected)
    self.done(int(result))
    return result


def _message(kind):
    def static(parent, title, text, *_):
        return dialogs.ask(kind, f"{title}\n{text}", "", QtWidgets.QMessageBox.Cancel)

    return staticmethod(static)


def _file(kind, empty):
    def static(parent=None, caption="", *_, **__):
        return dialogs.ask(kind, caption, "", empty)

    return staticmethod(static)


def _open_url(url):
    dialogs.shown.append(Shown("link", url.toString()))
    return True


def install():
    """Replace what would open a nested event loop. PythonQt returns a file name alone, without the filter."""
    for name in ("exec", "exec_"):
        setattr(QtWidgets.QDialog, name, _exec)
        setattr(QtWidgets.QMessageBox, name, _exec)
    for name in ("information", "warning", "critical", "question"):
        setattr(QtWidgets.QMessageBox, name, _message(name))
    for name, empty in (("getOpenFileName", ""), ("getSaveFileName", ""), ("getExistingDirectory", ""),
                        ("getOpenFileNames", ())):  # fmt: skip
        setattr(QtWidgets.QFileDialog, name, _file(name, empty))
    QtGui.QDesktopServices.openUrl = staticmethod(_open_url)
