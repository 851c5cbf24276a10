"""`@parameterPack`: a group of parameters with names such as "geometry.sdd"."""

import slicer

from .serializers import Serializer, declared_parameters, split_annotations
from .validators import IsInstance


def isParameterPack(obj):
    return getattr(obj, "_is_parameterPack", False)


def split_name(name):
    """("geometry", "sdd") of "geometry.sdd"; the second is None without a dot."""
    top, _, rest = name.partition(".")
    return top, rest or None


def parameterPack(cls):
    """Class decorator: typed members with defaults; in a parameter node every assignment is written at once."""
    parameters = declared_parameters(cls)
    if not parameters:
        raise ValueError(f"{cls.__name__} has no members")
    cls.allParameters, cls._is_parameterPack, cls._serializer_class = parameters, True, PackSerializer
    for name in parameters:
        setattr(cls, name, _member(name))
    cls.__init__, cls.__eq__, cls.__repr__ = _init, _equal, _repr
    cls.getValue, cls.setValue, cls.dataType = _get_value, _set_value, classmethod(_data_type)
    return cls


def _member(name):
    def getter(self):
        return self._values[name]

    def setter(self, value):
        self.allParameters[name].serializer.validate(value)
        self._values[name] = value
        if self._save is not None:
            self._save(self)

    return property(getter, setter)


def _init(self, *args, **kwargs):
    names = list(self.allParameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    unknown = set(given) - set(names)
    if unknown or len(args) > len(names):
        raise TypeError(f"{type(self).__name__} has members {names}, not {sorted(unknown) or args}")
    self._save, self._values = None, {}
    for name, parameter in self.allParameters.items():
        setattr(self, name, given.get(name, parameter.default))


def _equal(self, other):
    return type(self) is type(other) and self._values == other._values


def _repr(self):
    return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in self._values.items())})"


def _check(cls, name):
    if name not in cls.allParameters:
        raise ValueError(f"{cls.__name__} has no member {name!r}; it has {list(cls.allParameters)}")


def _get_value(self, name):
    top, rest = split_name(name)
    _check(type(self), top)
    value = getattr(self, top)
    return value if rest is None else value.getValue(rest)


def _set_value(self, name, value):
    top, rest = split_name(name)
    _check(type(self), top)
    if rest is None:
        setattr(self, top, value)
    else:
        getattr(self, top).setValue(rest, value)


def _data_type(cls, name):
    top, rest = split_name(name)
    _check(cls, top)
    hint = cls.allParameters[top].hint
    return hint if rest is None else split_annotations(hint)[0].dataType(rest)


def nestedParameterNames(pack):
    """The dotted names of all members, packs within packs resolved."""
    names = []
    for name, parameter in pack.allParameters.items():
        kind = split_annotations(parameter.hint)[0]
        names += [f"{name}.{inner}" for inner in nestedParameterNames(kind)] if isParameterPack(kind) else [name]
    return names


class PackSerializer(Serializer):
    """A pack member by member under "pack.member"; what it reads writes itself back when changed."""

    def __init__(self, kind):
        super().__init__([IsInstance((kind,))])
        self.kind = kind

    @property
    def default(self):
        return self.kind()

    def is_in(self, node, name):
        first = next(iter(self.kind.allParameters.values()))
        return first.serializer.is_in(node, f"{name}.{first.name}")

    def write(self, node, name, value):
        self.validate(value)
        with slicer.util.NodeModify(node):
            for parameter in self.kind.allParameters.values():
                parameter.serializer.write(node, f"{name}.{parameter.name}", getattr(value, parameter.name))

    def read(self, node, name):
        members = self.kind.allParameters.values()
        pack = self.kind(**{p.name: p.serializer.read(node, f"{name}.{p.name}") for p in members})
        pack._save = lambda changed: self.write(node, name, changed)
        return pack

    def remove(self, node, name):
        for parameter in self.kind.allParameters.values():
            parameter.serializer.remove(node, f"{name}.{parameter.name}")
