"""`qt.QUiLoader`: loads a module's unchanged .ui, with the host's stand-ins for ctk and qMRML widgets.

Stricter than Slicer, where each of these mistakes is silent or one line in the console: a class without
<customwidget>, a property the class lacks, a connection whose signal or slot does not exist.
"""

import functools
import operator
import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from .signals import signal_signature

custom_widgets = {}  # class name -> stand-in
_properties = {}  # class name -> {property name: whether its type is an enum}


def register(cls):
    """Class decorator: the stand-in for the C++ widget class of that name."""
    custom_widgets[cls.__name__] = cls
    _properties[cls.__name__] = _read_properties(cls)  # now: PySide6 may delete a Python class's meta object later
    return cls


def _read_properties(cls):
    meta_object = cls.staticMetaObject
    properties = (meta_object.property(i) for i in range(meta_object.propertyCount()))
    return {p.name(): p.isEnumType() for p in properties}


def _properties_of(class_name):
    if class_name not in _properties and hasattr(QtWidgets, class_name):
        _properties[class_name] = _read_properties(getattr(QtWidgets, class_name))
    return _properties.get(class_name)


class QUiLoader(QtUiTools.QUiLoader):
    """Checks the .ui, creates the widgets, then makes its <connections>."""

    def __init__(self, parent=None):
        super().__init__(parent)
        for cls in custom_widgets.values():
            self.registerCustomWidget(cls)

    def load(self, device, parent=None):
        tree = ElementTree.fromstring(bytes(device.readAll()))
        device.close()
        connections = [{part.tag: part.text for part in c} for c in tree.iterfind("connections/connection")]
        for element in tree.findall("connections"):
            tree.remove(element)
        _check_classes(tree)
        for widget in tree.iter("widget"):
            _check_properties(widget)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.ReadOnly)
        top = super().load(buffer, parent)
        for connection in connections:
            _make_connection(top, **connection)
        return top


def _check_classes(tree):
    declared = {e.text for e in tree.iterfind("customwidgets/customwidget/class")}
    for widget in tree.iter("widget"):
        name = widget.get("class")
        if hasattr(QtWidgets, name) or name == "Line":
            continue
        if name not in declared:
            raise RuntimeError(f"the .ui uses {name} without a <customwidget> entry")
        if name not in custom_widgets:
            raise RuntimeError(f"the host has no stand-in for {name}")


def _check_properties(widget):
    """Refuse unknown properties, and resolve a stand-in's enums to numbers, which the loader cannot do."""
    class_name = widget.get("class")
    known = _properties_of(class_name)
    for prop in widget.iterfind("property"):
        name = prop.get("name")
        if known is None or prop.get("stdset") == "0" or name == "SlicerParameterName":
            continue
        if name not in known:
            raise RuntimeError(f"the .ui sets {class_name}.{name}, which does not exist")
        value = prop.find("enum") if prop.find("enum") is not None else prop.find("set")
        if value is not None and not known[name]:
            number = functools.reduce(operator.or_, (_enum_value(word) for word in value.text.split("|")))
            prop.remove(value)
            ElementTree.SubElement(prop, "number").text = str(number)


def _enum_value(qualified):
    """The number of `ctkPathLineEdit::Files` or `QAbstractItemView::ExtendedSelection`."""
    scope, _, name = qualified.rpartition("::")
    scope = scope.split("::")[0]
    cls = custom_widgets.get(scope) or getattr(QtWidgets, scope, None) or getattr(QtCore, scope)
    value = getattr(cls, name)
    return int(getattr(value, "value", value))


def _make_connection(top, sender, signal, receiver, slot, **_):
    """Connect as the .ui says; the names are looked up in the loaded tree."""
    ends = []
    for name in (sender, receiver):
        found = top if top.objectName == name else top.findChild(QtCore.QObject, name)
        if found is None:
            raise RuntimeError(f"the .ui connects {name}, which is not in it")
        ends.append(found)
    signal_signature(ends[0], signal)
    if not hasattr(ends[1], slot.split("(")[0]):
        raise RuntimeError(f"the .ui connects to {receiver}.{slot}, which does not exist")
    ends[0].connect(signal, ends[1], slot)
