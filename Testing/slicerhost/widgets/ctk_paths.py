"""ctkPathLineEdit: a path with history and a browse button."""

from pathlib import Path

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .base import computed, prop, row, stand_in


@stand_in()
class ctkPathLineEdit(QtWidgets.QWidget):
    """`currentPath` is a str; a path of the right kind that exists makes `validInputChanged(True)`.

    `addCurrentPathToHistory` remembers it under `settingKey` in the application's settings.
    """

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, Readable, Writable, Executable = 1, 2, 4, 0x10, 0x20, 0x40  # QDir's numbers, as CTK's

    def __init__(self, parent=None):
        super().__init__(parent)
        self._path, self._valid = "", False
        self._combo, self._browse_button = QtWidgets.QComboBox(), QtWidgets.QToolButton()
        self._combo.setEditable(True)
        self._combo.setInsertPolicy(QtWidgets.QComboBox.NoInsert)
        self._browse_button.text = "…"
        self._combo.editTextChanged.connect(self._on_text)
        self._browse_button.clicked.connect(self.browse)
        row(self, (self._combo, 1), self._browse_button)

    def _on_text(self, text):
        if text == self._path:
            return
        self._path = text
        self.currentPathChanged.emit(text)
        valid = self._is_valid()
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)

    def _is_valid(self):
        path = Path(self._path)
        wanted = self.filters or (self.Files | self.Dirs)
        return bool(self._path) and bool(
            (wanted & self.Files and path.is_file()) or (wanted & self.Dirs and path.is_dir())
        )

    def _fill_history(self):
        text = self._path
        history = QtCore.QSettings().value(self.settingKey) or []
        self._combo.clear()
        self._combo.addItems([history] if isinstance(history, str) else list(history))
        self._combo.setEditText(text)

    currentPath = computed(str, lambda self: self._path, lambda self, value: self._combo.setEditText(value))
    filters = prop(int, "filters", 0)
    nameFilters = prop("QStringList", "nameFilters", ())
    settingKey = prop(str, "settingKey", "", "_fill_history")
    showHistoryButton = prop(bool, "showHistoryButton", True)
    showBrowseButton = prop(bool, "showBrowseButton", True)
    label = prop(str, "label", "")

    def addCurrentPathToHistory(self):
        if not self._path:
            return
        settings = QtCore.QSettings()
        history = settings.value(self.settingKey) or []
        history = [history] if isinstance(history, str) else list(history)
        settings.setValue(self.settingKey, [self._path, *[p for p in history if p != self._path]][:10])
        self._fill_history()

    def comboBox(self):
        return self._combo

    def browse(self):
        """Ask for a file or, when only directories fit, for a directory."""
        dialog = QtWidgets.QFileDialog
        ask = dialog.getExistingDirectory if self.filters and not self.filters & self.Files else dialog.getOpenFileName
        chosen = ask(self, self.label or "Select a file", self._path)
        if chosen:
            self._combo.setEditText(str(chosen))
