"""Pictures of what the user sees, as PNG files."""

import slicer
from PySide6 import QtGui


def save_window(path):
    """The whole window, panel and views."""
    slicer.app.processEvents()
    slicer.util.forceRenderAllViews()
    _save(slicer.util.mainWindow().grab(), path)


def save_panel(panel, path):
    """A module's panel at its full height, whatever is scrolled: the panel or a Python widget with `parent`."""
    widget = getattr(panel, "parent", panel)
    widget = panel if callable(widget) else widget
    slicer.app.processEvents()
    _save(widget.grab(), path)


def save_view(view, path):
    """A slice, 3D or plot view, or the widget that holds one."""
    for inner in ("sliceView", "threeDView", "plotView"):
        view = getattr(view, inner)() if hasattr(view, inner) else view
    pixels = view.image()
    rows, columns, _ = pixels.shape
    _save(QtGui.QImage(pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format_RGB888), path)


def _save(picture, path):
    if not picture.save(str(path)):
        raise OSError(f"could not write {path}")
