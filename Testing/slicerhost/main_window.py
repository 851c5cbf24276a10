"""`slicer.util.mainWindow()`: the module panel at the left, the views at the right, a status bar."""

import slicer
from PySide6 import QtCore, QtWidgets

from .modules import widgets_without_scene

WINDOW_SIZE = (1280, 800)
PANEL_WIDTH = 480


class ModuleSelector(QtCore.QObject):
    """Enters and leaves modules, as the tool bar's selector does."""

    moduleSelected = QtCore.Signal(str)

    def __init__(self, window):
        super().__init__(window)
        self._window, self._selected = window, ""

    selectedModule = QtCore.Property(str, lambda self: self._selected)

    def selectModule(self, name):
        """Show the module's panel; RuntimeError if one of its widgets was left without a scene."""
        module = slicer.util.getModule(name)
        if self._selected == module.name:
            return
        self.leave()
        panel = module.widgetRepresentation()
        self._window.show_panel(panel)
        orphans = widgets_without_scene(panel)
        if orphans:
            names = [f"{type(w).__name__} {w.objectName}" for w in orphans]
            raise RuntimeError(f"without a scene (connect mrmlSceneChanged in the .ui): {names}")
        self._selected = module.name
        panel.enter()
        self.moduleSelected.emit(module.name)

    def leave(self):
        """Leave the current module, if any: its `exit()` is called and its panel taken away."""
        if self._selected:
            panel = slicer.util.getModule(self._selected).widgetRepresentation()
            self._selected = ""
            panel.exit()
            self._window.show_panel(None)


class MainWindow(QtWidgets.QMainWindow):
    """qSlicerMainWindow, as far as modules use it."""

    def __init__(self):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector, self._panel = ModuleSelector(self), None
        self._scroll, self._viewport = QtWidgets.QScrollArea(), QtWidgets.QWidget()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFixedWidth(PANEL_WIDTH)
        self._scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        central = QtWidgets.QWidget()
        layout = QtWidgets.QHBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)
        layout.addWidget(self._viewport, 1)
        self.setCentralWidget(central)
        self.statusBar()
        self.resize(*WINDOW_SIZE)

    def moduleSelector(self):
        return self._selector

    def viewport(self):
        """The area of the views."""
        return self._viewport

    def show_panel(self, panel):
        """Put the panel into the scroll area; the one before is kept, hidden."""
        before = self._scroll.takeWidget()
        if before is not None:
            before.hide()
        if panel is not None:
            self._scroll.setWidget(panel)
            panel.show()
        self._panel = panel
        slicer.app.processEvents()
