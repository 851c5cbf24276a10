"""What the stand-ins share: properties that behave as PythonQt's, and the scene they observe."""

from PySide6 import QtCore, QtWidgets

from ..pythonqt.properties import check_value
from ..pythonqt.signals import pythonqt_signals
from ..pythonqt.ui_loader import register

CPP_NAMES = {bool: "bool", int: "int", float: "double", str: "QString"}


def prop(kind, name, default=None, changed=None):
    """A property the widget keeps; `changed` names a method to call after it was set."""

    def getter(self):
        return self.__dict__.setdefault("_values", {}).get(name, default)

    def setter(self, value):
        check_value(f"{type(self).__name__}.{name}", CPP_NAMES.get(kind, kind), value)
        value = tuple(str(v) for v in value) if kind == "QStringList" else value
        self.__dict__.setdefault("_values", {})[name] = value
        if changed:
            getattr(self, changed)()

    return QtCore.Property(kind, getter, setter)


def forwarded(kind, child, name):
    """A property of a child widget (attribute `child`) under the same name."""

    def getter(self):
        return getattr(getattr(self, child), name)

    def setter(self, value):
        check_value(f"{type(self).__name__}.{name}", CPP_NAMES.get(kind, kind), value)
        setattr(getattr(self, child), name, value)

    return QtCore.Property(kind, getter, setter)


def computed(kind, getter, setter=None):
    """A property with functions of its own; what is set is checked as PythonQt would."""

    def checked(self, value):
        check_value(type(self).__name__, CPP_NAMES.get(kind, kind), value)
        setter(self, value)

    return QtCore.Property(kind, getter, checked if setter else None)


def stand_in(**cpp_signals):
    """Class decorator: register for .ui files, add `setX` for every property `x`, name the C++ signals."""

    def decorate(cls):
        properties = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
        for name, value in properties.items():
            setter = "set" + name[:1].upper() + name[1:]
            if isinstance(value, QtCore.Property) and value.fset and not hasattr(cls, setter):
                setattr(cls, setter, _setter(value.fset))
        return register(pythonqt_signals(**cpp_signals)(cls))

    return decorate


def _setter(fset):
    return lambda self, value: fset(self, value)


def row(widget, *children):
    """Lay the children out in a row without margins; a (child, stretch) pair may stand for a child."""
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for child in children:
        layout.addWidget(*(child if isinstance(child, tuple) else (child, 0)))


class SceneObserver:
    """Mixin for widgets with `setMRMLScene`: calls `_scene_changed()` when nodes come and go.

    As in Slicer nothing sets the scene for the widget: the .ui has to connect `mrmlSceneChanged`.
    """

    _scene = None
    _scene_tags = ()

    def setMRMLScene(self, scene):
        if scene is self._scene:
            return
        for tag in self._scene_tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        if scene is not None:
            events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndBatchProcessEvent)
            self._scene_tags = [scene.AddObserver(event, self._on_scene_event) for event in events]
        self._scene_changed()

    def mrmlScene(self):
        return self._scene

    def _on_scene_event(self, scene, _event):
        if not scene.IsBatchProcessing():
            self._scene_changed()

    def _scene_changed(self):
        """For the widget to override."""

    def _release(self):
        """Stop observing; the host calls it before the widget is deleted."""
        self.setMRMLScene(None)
