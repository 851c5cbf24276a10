"""Qt properties as Python attributes (`w.text = "a"`), with PythonQt's refusals and stricter.

* The value must have the property's own type: numpy scalars, pathlib paths and torch tensors are refused.
* An unknown attribute cannot be set on an object of a Qt class.
* A string list is read as a tuple.
"""

import enum
import functools
import types

from PySide6 import QtCore

METHODS = {"sizeHint", "minimumSizeHint", "parent", "children"}  # methods in PythonQt, whatever the meta object says
PLAIN_TYPES = {"bool": (bool,), "int": (int,), "uint": (int,), "double": (float, int), "float": (float, int),
               "QString": (str,)}  # fmt: skip
FOREIGN = ("numpy", "pathlib", "torch")

_raw_set_property = QtCore.QObject.setProperty
_raw_property = QtCore.QObject.property


def check_value(where, type_name, value):
    """Raise TypeError unless PythonQt would surely convert `value` to a property of this C++ type."""
    foreign = type(value).__module__.split(".")[0] in FOREIGN and not isinstance(value, float)
    plain = PLAIN_TYPES.get(type_name)
    wrong = plain is not None and not isinstance(value, plain)
    if isinstance(value, bool) and type_name in ("double", "float", "QString"):
        wrong = True
    if foreign or wrong:
        raise TypeError(f"{where}: a {type_name} property does not take {type(value).__name__} {value!r}")


def _as_pythonqt(value):
    is_string_list = isinstance(value, list) and all(isinstance(v, str) for v in value)
    return tuple(value) if is_string_list else value


class QtProperty:
    """A property on instances; on the class the method of that name (`qt.QTimer.singleShot` stays callable)."""

    def __init__(self, cls, meta):
        name = meta.name()
        self.name, self.type_name, self.writable = name, meta.typeName(), meta.isWritable()
        self.where = f"{cls.__name__}.{name}"
        method = getattr(cls, name, None)
        self.method = method.method if isinstance(method, QtProperty) else method
        capital = name[:1].upper() + name[1:]
        names = (f"is{capital}", name, f"has{capital}")
        getters = [g for g in (getattr(cls, n, None) for n in names) if g is not None]
        getters = [g.method if isinstance(g, QtProperty) else g for g in getters]
        self.getter = next((g for g in getters if callable(g) and not isinstance(g, QtCore.Signal)), None)
        self.setter = getattr(cls, f"set{capital}", None)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self.method if self.method is not None else self
        return _as_pythonqt(self.getter(instance) if self.getter else _raw_property(instance, self.name))

    def __set__(self, instance, value):
        if not self.writable:
            raise AttributeError(f"{self.where} is read-only")
        check_value(self.where, self.type_name, value)
        if self.setter is not None:
            try:
                self.setter(instance, value)
                return
            except TypeError:
                pass  # the setter has another signature; the meta object decides
        if not _raw_set_property(instance, self.name, value):
            raise TypeError(f"{self.where}: cannot be set to {value!r}")


def _strict_setter(setter, where, type_name):
    @functools.wraps(setter)
    def strict(self, *args):
        if len(args) == 1 and not isinstance(args[0], enum.Enum):
            check_value(where, type_name, args[0])
        return setter(self, *args)

    return strict


def _strict_setattr(self, name, value):
    descriptor = next((c.__dict__[name] for c in type(self).__mro__ if name in c.__dict__), None)
    if isinstance(descriptor, QtCore.Property):
        descriptor.fset(self, value)
    elif hasattr(type(descriptor), "__set__"):
        descriptor.__set__(self, value)
    elif descriptor is None and name not in self.__dict__ and _is_closed(type(self), name):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}, and none can be added to a Qt object")
    else:
        self.__dict__[name] = value


def _is_closed(cls, name):
    """C++ classes in the real application: PySide6's own, and the host's stand-ins (but for their own `_names`)."""
    package = cls.__module__.split(".")[0]
    return package == "PySide6" or (package == "slicerhost" and not name.startswith("_"))


def _patches(cls):
    meta_object = cls.staticMetaObject
    for i in range(meta_object.propertyOffset(), meta_object.propertyCount()):
        meta = meta_object.property(i)
        if meta.name() in METHODS:
            continue
        yield meta.name(), QtProperty(cls, meta)
        setter = "set" + meta.name()[:1].upper() + meta.name()[1:]
        if meta.typeName() in PLAIN_TYPES and isinstance(cls.__dict__.get(setter), types.MethodDescriptorType):
            yield setter, _strict_setter(getattr(cls, setter), f"{cls.__name__}.{setter}()", meta.typeName())


def install(classes):
    """Make all properties of the classes attributes. All are collected first: patching one hides another's getter."""
    patches = [(cls, name, value) for cls in classes for name, value in _patches(cls)]
    for cls, name, value in patches:
        setattr(cls, name, value)
    QtCore.QObject.name = property(lambda self: self.objectName, lambda self, value: setattr(self, "objectName", value))
    for cls in classes:
        if "__setattr__" in cls.__dict__ or cls is QtCore.QObject:
            cls.__setattr__ = _strict_setattr
