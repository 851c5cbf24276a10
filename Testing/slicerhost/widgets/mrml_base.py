"""qMRMLWidget, which tells a panel's widgets their scene, and the module panel's own widget."""

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .base import stand_in


@stand_in(mrmlSceneChanged=["mrmlSceneChanged(vtkMRMLScene*)"])
class qMRMLWidget(QtWidgets.QWidget):
    """Sets nobody's scene itself: that is what the .ui's connections of `mrmlSceneChanged` are for."""

    mrmlSceneChanged = Signal(object)
    _scene = None

    def setMRMLScene(self, scene):
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._scene


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The panel of a scripted module; holds the module's Python widget, which `self()` returns."""

    def __init__(self, module):
        super().__init__()
        self._module, self._python_widget = module, None
        self.setLayout(QtWidgets.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)
        self.reload()

    def self(self):
        return self._python_widget

    def reload(self):
        """Create the module's Python widget and run its `setup()`; Slicer's own reload calls this too."""
        name = f"{self._module.name}Widget"
        self._python_widget = self._module.python_class("Widget")(self)
        setattr(slicer.modules, name, self._python_widget)
        self._python_widget.setup()
        self.layout().addStretch(1)

    def enter(self):
        self._call("enter")

    def exit(self):
        self._call("exit")

    def _call(self, method):
        getattr(self._python_widget, method, lambda: None)()
