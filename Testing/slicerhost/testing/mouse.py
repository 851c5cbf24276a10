"""The user's mouse: events go through Qt to the widget that lies under the point, if the user could reach it."""

from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtTest import QTest

from ..widgets.ctk_buttons import HEADER_HEIGHT, ctkCollapsibleButton, ctkCollapsibleGroupBox
from .keyboard import choose
from .reach import describe, reach

Qt = QtCore.Qt


def _point(widget, position):
    if position is not None:
        return QtCore.QPoint(int(position[0]), int(position[1]))
    if isinstance(widget, (ctkCollapsibleButton, ctkCollapsibleGroupBox)):
        return QtCore.QPoint(widget.width // 2, HEADER_HEIGHT // 2)
    if isinstance(widget, (QtWidgets.QCheckBox, QtWidgets.QRadioButton)):
        return QtCore.QPoint(8, widget.height // 2)
    return widget.rect.center()


def click(widget, position=None, modifiers=Qt.NoModifier):
    """Click with the left button in the middle of the widget, or at `position` (x, y) in its pixels."""
    reach(widget)
    point = _point(widget, position)
    under = QtWidgets.QApplication.widgetAt(widget.mapToGlobal(point))
    covered = under is not None and under is not widget and not widget.isAncestorOf(under)
    assert not covered, f"{describe(widget)} is covered by {describe(under)}"
    target = widget.childAt(point) or widget
    point = point if target is widget else target.mapFrom(widget, point)
    _mouse(target, QtCore.QEvent.MouseMove, (point.x(), point.y()), Qt.NoButton, Qt.NoButton, modifiers)
    QTest.mouseClick(target, Qt.LeftButton, modifiers, point)
    slicer.app.processEvents()


def click_cell(table, row, column):
    """Click an item of a table or list, or of a stand-in that holds one (qMRMLSegmentsTableView)."""
    view = QtWidgets.QAbstractItemView
    inner = table if isinstance(table, view) else table.findChild(view)
    reach(inner)
    rectangle = inner.visualRect(inner.model().index(row, column))
    assert rectangle.isValid(), f"{describe(table)} has no visible cell ({row}, {column})"
    QTest.mouseClick(inner.viewport(), Qt.LeftButton, Qt.NoModifier, rectangle.center())
    slicer.app.processEvents()


def drag(widget, start, end, steps=5, button=Qt.LeftButton, modifiers=Qt.NoModifier):
    """Press at `start`, move in `steps`, release at `end`: (x, y) in the widget's pixels. Views take it too."""
    reach(widget)
    points = [(start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
              for i in range(steps + 1)]  # fmt: skip
    _mouse(widget, QtCore.QEvent.MouseMove, points[0], Qt.NoButton, Qt.NoButton, modifiers)
    _mouse(widget, QtCore.QEvent.MouseButtonPress, points[0], button, button, modifiers)
    for point in points[1:]:
        _mouse(widget, QtCore.QEvent.MouseMove, point, Qt.NoButton, button, modifiers)
    _mouse(widget, QtCore.QEvent.MouseButtonRelease, points[-1], button, Qt.NoButton, modifiers)


def _mouse(widget, kind, point, button, buttons, modifiers):
    local = QtCore.QPointF(*point)
    event = QtGui.QMouseEvent(kind, local, QtCore.QPointF(widget.mapToGlobal(local)), button, buttons, modifiers)
    QtWidgets.QApplication.sendEvent(widget, event)
    slicer.app.processEvents()


def drag_slider(widget, value, steps=4):
    """Drag the handle of a slider (QSlider, ctkSliderWidget, ctkDoubleSlider, ...) to `value`."""
    slider = widget if isinstance(widget, QtWidgets.QSlider) else widget.slider()
    reach(slider)
    low, high = (slider.minimum, slider.maximum)
    to_position = getattr(slider, "to_position", lambda v: v)
    option = QtWidgets.QStyleOptionSlider()
    slider.initStyleOption(option)
    style, control = slider.style(), QtWidgets.QStyle.CC_Slider
    handle = style.subControlRect(control, option, QtWidgets.QStyle.SC_SliderHandle, slider)
    groove = style.subControlRect(control, option, QtWidgets.QStyle.SC_SliderGroove, slider)
    fraction = (to_position(value) - low) / (high - low)
    horizontal = slider.orientation == Qt.Horizontal
    center = (handle.center().x(), handle.center().y())
    if horizontal:
        end = (groove.x() + handle.width() / 2 + fraction * (groove.width() - handle.width()), center[1])
    else:
        end = (center[0], groove.bottom() - handle.height() / 2 - fraction * (groove.height() - handle.height()))
    drag(slider, center, end, steps)


def select_node(selector, node):
    """Choose a node (None for "None") in a qMRMLNodeComboBox by its name, as the user would."""
    choose(selector.findChild(QtWidgets.QComboBox), selector.noneDisplay if node is None else node.GetName())
    assert selector.currentNode() is node, f"{describe(selector)} shows {selector.currentNode()}, not {node}"


def drop_files(widget, *paths):
    """Drag files (str or Path) from a file manager over the middle of the widget and let go.

    Returns whether the widget, or one it lies in, accepted them.
    """
    reach(widget)
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(Path(path).resolve())) for path in paths])
    while widget is not None and not widget.acceptDrops:
        widget = widget.parent()
    if widget is None:
        return False
    center = widget.rect.center()
    arguments = (Qt.CopyAction, data, Qt.LeftButton, Qt.NoModifier)
    enter = QtGui.QDragEnterEvent(center, *arguments)
    enter.ignore()
    QtWidgets.QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    drop = QtGui.QDropEvent(QtCore.QPointF(center), *arguments)
    QtWidgets.QApplication.sendEvent(widget, drop)
    slicer.app.processEvents()
    return drop.isAccepted()
