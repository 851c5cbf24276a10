"""Whether a user could get at a widget."""

import slicer
from PySide6 import QtWidgets


def reach(widget):
    """Scroll to the widget; AssertionError if a user could not use it: hidden, disabled, collapsed."""
    slicer.app.processEvents()  # a widget that was just added shows itself from the event loop
    assert widget.isVisible(), f"{describe(widget)} is not visible"
    assert widget.isEnabled(), f"{describe(widget)} is disabled: {widget.toolTip}"
    parent = widget.parent()
    while parent is not None:
        if isinstance(parent, QtWidgets.QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parent()
    slicer.app.processEvents()


def describe(widget):
    return f"{type(widget).__name__} {widget.objectName!r}"
