"""The user's keyboard, and choosing from lists."""

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtTest import QTest

from .reach import describe, reach

Qt = QtCore.Qt
EDITORS = (QtWidgets.QAbstractSpinBox, QtWidgets.QLineEdit, QtWidgets.QTextEdit, QtWidgets.QPlainTextEdit)


def type_text(widget, text, enter=True):
    """Replace a field's content by typing, then Enter. Stand-ins that hold a field (ctkPathLineEdit) do too."""
    field = widget if isinstance(widget, EDITORS) else next(w for w in map(widget.findChild, EDITORS) if w is not None)
    reach(field)
    field.setFocus()
    QTest.keyClick(field, Qt.Key_A, Qt.ControlModifier)
    QTest.keyClick(field, Qt.Key_Delete)
    QTest.keyClicks(field, text)
    if enter:
        QTest.keyClick(field, Qt.Key_Return)
    slicer.app.processEvents()


def choose(combo, text):
    """Open a combo box and click the entry with this text; AssertionError if there is none."""
    reach(combo)
    entries = [combo.itemText(i) for i in range(combo.count)]
    assert text in entries, f"{describe(combo)} offers {entries}, not {text!r}"
    index = entries.index(text)
    combo.showPopup()
    slicer.app.processEvents()
    view = combo.view()
    rectangle = view.visualRect(view.model().index(index, combo.modelColumn))
    QTest.mouseMove(view.viewport(), rectangle.center())
    QTest.mousePress(view.viewport(), Qt.LeftButton, Qt.NoModifier, rectangle.center())
    QTest.qWait(QtWidgets.QApplication.doubleClickInterval() // 400 + 1)
    QTest.mouseRelease(view.viewport(), Qt.LeftButton, Qt.NoModifier, rectangle.center())
    combo.hidePopup()
    slicer.app.processEvents()
