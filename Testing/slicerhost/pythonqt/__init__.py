"""PythonQt's conventions on top of PySide6: the `qt` module that Slicer's Python code imports."""

import sys
import types

from . import dialogs, properties, signals, ui_loader


def install():
    """Patch PySide6's classes once and register `qt` in `sys.modules`; return the module."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    import shiboken6
    from PySide6 import QtCore, QtGui, QtNetwork, QtWidgets

    classes = _qobject_classes((QtCore, QtGui, QtWidgets, QtNetwork))
    properties.install(classes)
    signals.install(classes)
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = lambda self: shiboken6.delete(self)
    QtGui.QDropEvent.pos = lambda self: self.position().toPoint()  # Qt 5's name; Qt 6 has only position()
    dialogs.install()

    qt = types.ModuleType("qt", "PySide6 with PythonQt's conventions")
    for source in (QtCore, QtGui, QtNetwork, QtWidgets):
        for name in dir(source):
            if name.startswith("Q"):
                setattr(qt, name, getattr(source, name))
    qt.QUiLoader = ui_loader.QUiLoader
    qt.Signal = QtCore.Signal
    sys.modules["qt"] = qt
    return qt


def _qobject_classes(modules):
    """Every QObject class of the modules; `dir` because PySide6 makes its classes when first asked for."""
    from PySide6 import QtCore

    found = (getattr(module, name) for module in modules for name in dir(module))
    return list(dict.fromkeys(c for c in found if isinstance(c, type) and issubclass(c, QtCore.QObject)))
