"""ctkCollapsibleButton, ctkCollapsibleGroupBox, ctkDirectoryButton, ctkMessageBox, ctkComboBox."""

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .base import computed, prop, stand_in

HEADER_HEIGHT = 26  # pixels
DIRECT = QtCore.Qt.FindDirectChildrenOnly


class _Collapsing:
    """Hides the children of a collapsed section and brings back those the module wants visible."""

    def _direct_children(self):
        return self.findChildren(QtWidgets.QWidget, options=DIRECT)

    def _apply_collapsed(self, collapsed):
        self._moving = True
        if collapsed:
            self._wanted = [w for w in self._direct_children() if not w.isHidden()]
        for child in self._wanted:
            child.setVisible(not collapsed)
        self._moving = False

    def childEvent(self, event):
        child = event.child()
        if event.added() and child.isWidgetType():
            child.installEventFilter(self)
        super().childEvent(event)

    def eventFilter(self, child, event):
        """While collapsed, note what the module shows and hides, and keep it hidden."""
        if event.type() == QtCore.QEvent.ShowToParent and self.collapsed and not self._moving:
            if child not in self._wanted:
                self._wanted.append(child)
            self._moving = True
            child.hide()
            self._moving = False
        elif event.type() == QtCore.QEvent.HideToParent and self.collapsed and not self._moving:
            self._wanted = [w for w in self._wanted if w is not child]
        return False


@stand_in()
class ctkCollapsibleButton(_Collapsing, QtWidgets.QAbstractButton):
    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments):
        self._wanted, self._moving = [], False
        text, parent = _text_and_parent(arguments)
        super().__init__(parent)
        self.text = text
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER_HEIGHT, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.toggled.connect(self._on_toggled)

    collapsed = computed(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))

    def _on_toggled(self, expanded):
        self._apply_collapsed(not expanded)
        self.setMaximumHeight(16777215 if expanded else HEADER_HEIGHT)
        self.updateGeometry()
        self.contentsCollapsed.emit(not expanded)

    def sizeHint(self):
        if self.collapsed or not self.layout():
            return QtCore.QSize(200, HEADER_HEIGHT)
        return self.layout().totalSizeHint()  # with the header's margin

    def minimumSizeHint(self):
        if self.collapsed or not self.layout():
            return QtCore.QSize(50, HEADER_HEIGHT)
        return self.layout().totalMinimumSize()

    def hitButton(self, position):
        return position.y() <= HEADER_HEIGHT

    def paintEvent(self, _event):
        painter, option = QtGui.QPainter(self), QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT - 2)
        self.style().drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option, painter, self)
        arrow = QtWidgets.QStyle.PE_IndicatorArrowRight if self.collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        option.rect = QtCore.QRect(6, 6, 12, 12)
        self.style().drawPrimitive(arrow, option, painter, self)
        text_area = QtCore.QRect(24, 0, self.width - 24, HEADER_HEIGHT - 2)
        painter.drawText(text_area, QtCore.Qt.AlignVCenter, self.text.replace("&&", "&"))
        painter.end()


def _text_and_parent(arguments):
    """The two constructors of a Qt button: (parent) and (text, parent)."""
    if arguments and isinstance(arguments[0], str):
        return arguments[0], arguments[1] if len(arguments) > 1 else None
    return "", arguments[0] if arguments else None


@stand_in()
class ctkCollapsibleGroupBox(_Collapsing, QtWidgets.QGroupBox):
    def __init__(self, *arguments):
        self._wanted, self._moving = [], False
        title, parent = _text_and_parent(arguments)
        super().__init__(title, parent)
        self.setCheckable(True)
        self.toggled.connect(lambda expanded: self._apply_collapsed(not expanded))

    collapsed = computed(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))


@stand_in()
class ctkDirectoryButton(QtWidgets.QPushButton):
    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._directory = ""
        self._assign(QtCore.QDir.currentPath())
        self.clicked.connect(self.browse)

    caption = prop(str, "caption", "")

    def _assign(self, path):
        if path == self._directory:
            return
        self._directory = path
        self.setText(path)
        self.directoryChanged.emit(path)

    directory = computed(str, lambda self: self._directory, lambda self, value: self._assign(value))

    def browse(self):
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption or "Select directory", self._directory)
        if chosen:
            self._assign(str(chosen))
            self.directorySelected.emit(str(chosen))


@stand_in()
class ctkComboBox(QtWidgets.QComboBox):
    defaultText = prop(str, "defaultText", "")
    forceDefault = prop(bool, "forceDefault", False)


class ctkMessageBox(QtWidgets.QMessageBox):
    dontShowAgainVisible = prop(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = prop(str, "dontShowAgainSettingsKey", "")
