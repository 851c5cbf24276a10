"""PythonQt's `object.connect("signal(type)", slot)`, strict: a signal that does not exist raises.

In Slicer a wrong signature only prints a line and returns False; the button then does nothing for ever.
"""

import inspect
import traceback
import types

from PySide6 import QtCore

from ..faults import ledger

_raw_connect, _raw_disconnect = QtCore.QObject.connect, QtCore.QObject.disconnect


def pythonqt_signals(**cpp_to_python):
    """Class decorator: C++ signatures of a stand-in's signals, by the Python signal that carries them.

    `@pythonqt_signals(currentNodeChanged=["currentNodeChanged(vtkMRMLNode*)"])`.
    """

    def decorate(cls):
        known = {signature: name for name, signatures in cpp_to_python.items() for signature in signatures}
        cls._cpp_signals = {**getattr(cls, "_cpp_signals", {}), **known}
        return cls

    return decorate


def signal_signature(sender, spec):
    """The meta object's signature for `spec`; ValueError if the sender has no such signal."""
    spec = spec.replace(" ", "")
    meta_object = sender.metaObject()
    methods = [meta_object.method(i) for i in range(meta_object.methodCount())]
    own = [m.methodSignature().data().decode() for m in methods if m.methodType() == QtCore.QMetaMethod.Signal]
    stand_in = getattr(type(sender), "_cpp_signals", {})
    if spec in stand_in:
        return next(s for s in own if s.split("(")[0] == stand_in[spec])
    if spec in own and "PyObject" not in spec:
        return spec
    named = sorted([s for s in own if "PyObject" not in s] + list(stand_in))
    raise ValueError(f"{type(sender).__name__} {sender.objectName!r} has no signal {spec!r}; it has {named}")


def guarded(slot):
    """The slot as Qt calls it: with as many arguments as it takes, its exceptions in the ledger."""
    accepts = _arity(slot)

    def call(*args):
        try:
            return slot(*(args if accepts is None else args[:accepts]))
        except Exception as exception:
            ledger.record_exception(exception)
            traceback.print_exc()

    return call


def _arity(slot):
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _fixed_arity(call, count):
    """PySide6 looks at the callable's signature: give it exactly the signal's."""
    return [lambda: call(), lambda a: call(a), lambda a, b: call(a, b), lambda a, b, c: call(a, b, c)][count]


def _target(target):
    if len(target) == 1 and callable(target[0]):
        return target[0]
    if len(target) == 2 and isinstance(target[1], str):
        return getattr(target[0], target[1].split("(")[0])
    raise TypeError(f"connect(signal, callable) or connect(signal, object, slot); got {target!r}")


def _connect(self, spec, *target):
    slot = _target(target)
    signature = signal_signature(self, spec)
    inside = signature[signature.index("(") + 1 : -1]
    receiver = _fixed_arity(guarded(slot), inside.count(",") + 1 if inside else 0)
    if not _raw_connect(self, QtCore.SIGNAL(signature), receiver):
        raise ValueError(f"{type(self).__name__} could not connect {spec!r}")
    _connections(self).append((spec.replace(" ", ""), slot, signature, receiver))
    return True


def _disconnect(self, spec=None, *target):
    """Remove the matching connections; False if there were none, as in PythonQt."""
    slot = _target(target) if target else None
    matching = [
        c for c in _connections(self) if (spec is None or c[0] == spec.replace(" ", "")) and slot in (None, c[1])
    ]
    for connection in matching:
        _connections(self).remove(connection)
        _raw_disconnect(self, QtCore.SIGNAL(connection[2]), connection[3])
    return bool(matching)


def _connections(self):
    return self.__dict__.setdefault("_pythonqt_connections", [])


def install(classes):
    """Give every QObject PythonQt's connect and disconnect.

    Classes whose attribute lookup Shiboken generates answer `connect` themselves, so the lookup is wrapped.
    """
    methods = {"connect": _connect, "disconnect": _disconnect}

    def wrapped(lookup):
        def getattribute(self, name):
            return types.MethodType(methods[name], self) if name in methods else lookup(self, name)

        return getattribute

    for cls in classes:
        if "__getattribute__" in cls.__dict__ or cls is QtCore.QObject:
            cls.__getattribute__ = wrapped(cls.__getattribute__)
