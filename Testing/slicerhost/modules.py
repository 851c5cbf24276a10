"""`slicer.modules` and the module manager; loads, shows, reloads and unloads scripted modules."""

import importlib.util
import sys
import types
from pathlib import Path

import slicer
from PySide6 import QtCore

from .widgets.base import SceneObserver


class CoreModule:
    """A module of Slicer's own: only its logic."""

    def __init__(self, name, logic):
        self.name = self.title = name
        self._logic = logic

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return None


class qSlicerScriptedLoadableModule:
    """A scripted module, loaded from its .py."""

    def __init__(self, path):
        self.path, self.name = str(Path(path).resolve()), Path(path).stem
        self._panel, self._parent = None, types.SimpleNamespace(path=self.path, name=self.name, icon=None)
        folder = str(Path(self.path).parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self.execute()
        self.python_module = self.python_class("")(self._parent)
        self.title, self.icon = self._parent.title, self._parent.icon

    def execute(self):
        """Run the .py as a fresh Python module of its name."""
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = module
        spec.loader.exec_module(module)

    def python_class(self, suffix):
        """The module's class `<Name><suffix>`, of the last load or reload."""
        return getattr(sys.modules[self.name], self.name + suffix)

    def logic(self):
        return None  # the Python logic belongs to the widget; slicer.util.getModuleLogic finds it there

    def widgetRepresentation(self):
        if self._panel is None:
            self._panel = self.createNewWidgetRepresentation()
        return self._panel

    def createNewWidgetRepresentation(self):
        return slicer.qSlicerScriptedLoadableModuleWidget(self)

    def has_panel(self):
        return self._panel is not None

    def delete_panel(self):
        """Delete the panel with all its widgets, and what the stand-ins observe."""
        panel, self._panel = self._panel, None
        for widget in panel.findChildren(QtCore.QObject):
            release = getattr(widget, "_release", None)
            if release is not None:
                release()
        panel.hide()
        panel.setParent(None)
        panel.deleteLater()
        slicer.app.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)


class ModuleManager(QtCore.QObject):
    """`slicer.app.moduleManager()`."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)
    moduleUnloaded = QtCore.Signal(str)
    moduleLoaded = QtCore.Signal(str)

    def __init__(self, logics):
        super().__init__()
        self._modules = {}
        slicer.modules = types.SimpleNamespace()
        for name, logic in logics.items():
            self._add(CoreModule(name, logic))

    def _add(self, module):
        self._modules[module.name.lower()] = module
        setattr(slicer.modules, module.name.lower(), module)

    def module(self, name):
        return self._modules.get(name.lower())

    def modulesNames(self):
        return tuple(module.name for module in self._modules.values())

    def isLoaded(self, name):
        return name.lower() in self._modules

    def factoryManager(self):
        return types.SimpleNamespace(loadedModuleNames=self.modulesNames)

    def load(self, path):
        """Load the scripted module at `path`, as at the application's start."""
        module = qSlicerScriptedLoadableModule(path)
        self._add(module)
        self.moduleLoaded.emit(module.name)
        return module

    def unload(self, name):
        """Unload the module: `cleanup()`, the panel deleted, the names gone from `slicer.modules`."""
        module = self._modules.pop(name.lower())
        self.moduleAboutToBeUnloaded.emit(module.name)
        if module.has_panel():
            module.delete_panel()
        for attribute in (module.name.lower(), f"{module.name}Widget"):
            vars(slicer.modules).pop(attribute, None)
        vars(slicer).get("selfTests", {}).pop(module.name, None)
        sys.modules.pop(module.name, None)
        self.moduleUnloaded.emit(module.name)

    def scripted_modules(self):
        return [m for m in self._modules.values() if isinstance(m, qSlicerScriptedLoadableModule)]


def widgets_without_scene(panel):
    """The widgets below `panel` that need a scene and have none: in Slicer they are silently empty."""
    children = panel.findChildren(QtCore.QObject)
    return [w for w in children if isinstance(w, SceneObserver) and w.mrmlScene() is None]
