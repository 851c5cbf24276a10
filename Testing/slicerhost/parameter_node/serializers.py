"""How a parameter of each type is written into a parameter node and read back."""

import enum
import pathlib
import types
import typing
from collections.abc import MutableSequence
from dataclasses import dataclass

import slicer

from .validators import IsInstance, Validator

TEXT_READERS = {bool: lambda text: text == "True", int: int, float: float, str: str, pathlib.Path: pathlib.Path}
DEFAULTS = {bool: False, int: 0, float: 0, str: "", pathlib.Path: pathlib.Path()}


@dataclass
class Default:
    """The default as an annotation: `Annotated[int, Default(5)]`."""

    value: object


def split_annotations(hint):
    """(type, annotations) of a hint that may be `Annotated`."""
    if typing.get_origin(hint) is typing.Annotated:
        return hint.__origin__, list(hint.__metadata__)
    return hint, []


class Serializer:
    """Reads and writes one parameter under a name; `validate` first."""

    def __init__(self, validators):
        self.validators = validators

    def validate(self, value):
        for validator in self.validators:
            validator.validate(value)

    def is_in(self, node, name):
        return node.HasParameter(name)

    def remove(self, node, name):
        node.UnsetParameter(name)


class TextSerializer(Serializer):
    """bool, int, float, str, Path: as their text."""

    def __init__(self, kind):
        super().__init__([IsInstance((float, int) if kind is float else (kind,))])
        self.kind, self.default = kind, DEFAULTS[kind]

    def write(self, node, name, value):
        self.validate(value)
        node.SetParameter(name, str(value))

    def read(self, node, name):
        return TEXT_READERS[self.kind](node.GetParameter(name))


class EnumSerializer(Serializer):
    """An Enum by its member's name; renaming a member breaks saved scenes."""

    def __init__(self, kind):
        super().__init__([IsInstance((kind,))])
        self.kind, self.default = kind, next(iter(kind))

    def write(self, node, name, value):
        self.validate(value)
        node.SetParameter(name, value.name)

    def read(self, node, name):
        return self.kind[node.GetParameter(name)]


class NodeSerializer(Serializer):
    """A node by reference. An empty parameter of the same name says that it was written."""

    default = None

    def __init__(self, kind):
        super().__init__([IsInstance((kind,), optional=True)])

    def write(self, node, name, value):
        self.validate(value)
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        super().remove(node, name)
        node.RemoveNodeReferenceIDs(name)


class OptionalSerializer(Serializer):
    """None or a value: slot 0 holds the value, slot 1 says None."""

    default = None

    def __init__(self, inner):
        super().__init__([])
        self.inner, self.nothing = inner, TextSerializer(bool)

    def validate(self, value):
        if value is not None:
            self.inner.validate(value)

    def is_in(self, node, name):
        return self.inner.is_in(node, f"{name}_0") or self.nothing.is_in(node, f"{name}_1")

    def write(self, node, name, value):
        self.validate(value)
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            if value is None:
                self.nothing.write(node, f"{name}_1", True)
            else:
                self.inner.write(node, f"{name}_0", value)

    def read(self, node, name):
        return self.inner.read(node, f"{name}_0") if self.inner.is_in(node, f"{name}_0") else None

    def remove(self, node, name):
        self.inner.remove(node, f"{name}_0")
        self.nothing.remove(node, f"{name}_1")


class ListSerializer(Serializer):
    """A list, element by element, and its length."""

    def __init__(self, inner):
        super().__init__([])
        self.inner, self.default = inner, []

    def validate(self, value):
        for element in value:
            self.inner.validate(element)

    def is_in(self, node, name):
        return node.HasParameter(f"{name}_len")

    def _length(self, node, name):
        return int(node.GetParameter(f"{name}_len")) if self.is_in(node, name) else 0

    def write(self, node, name, value):
        self.validate(value)
        with slicer.util.NodeModify(node):
            for i in range(len(value), self._length(node, name)):
                self.inner.remove(node, f"{name}_{i}")
            for i, element in enumerate(value):
                self.inner.write(node, f"{name}_{i}", element)
            node.SetParameter(f"{name}_len", str(len(value)))

    def read(self, node, name):
        values = [self.inner.read(node, f"{name}_{i}") for i in range(self._length(node, name))]
        return ObservedList(values, lambda new: self.write(node, name, new))

    def remove(self, node, name):
        for i in range(self._length(node, name)):
            self.inner.remove(node, f"{name}_{i}")
        node.UnsetParameter(f"{name}_len")


class ObservedList(MutableSequence):
    """A list whose changes are written to the parameter node at once."""

    def __init__(self, values, save):
        self._values, self._save = values, save

    def __getitem__(self, index):
        return self._values[index]

    def __len__(self):
        return len(self._values)

    def __eq__(self, other):
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    def __repr__(self):
        return f"ObservedList({self._values})"

    def __setitem__(self, index, value):
        self._values[index] = value
        self._save(self._values)

    def __delitem__(self, index):
        del self._values[index]
        self._save(self._values)

    def insert(self, index, value):
        self._values.insert(index, value)
        self._save(self._values)


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its name, annotated type, serializer and default."""

    name: str
    hint: object
    serializer: Serializer
    default: object


def serializer_for(kind):
    """The serializer of a type without annotations; TypeError if the host (or Slicer) has none."""
    if kind in TEXT_READERS:
        return TextSerializer(kind)
    if getattr(kind, "_is_parameterPack", False):
        return kind._serializer_class(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return EnumSerializer(kind)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeSerializer(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return ListSerializer(annotated_serializer(arguments[0])[0])
    if origin is typing.Union and len(arguments) == 2 and arguments[1] is type(None):
        return OptionalSerializer(annotated_serializer(arguments[0])[0])
    if origin is types.UnionType:
        raise TypeError(f"{kind}: write typing.Optional[...]; Slicer's wrapper does not know the | of types")
    raise TypeError(f"no parameter can be of type {kind}")


def annotated_serializer(hint):
    """(serializer, default or None) of a hint; an annotation nobody understands raises."""
    kind, notes = split_annotations(hint)
    serializer, default = serializer_for(kind), None
    for note in notes:
        if isinstance(note, Validator):
            serializer.validators.append(note)
        elif isinstance(note, Default):
            default = note
        elif type(note).__name__ not in ("Decimals", "SingleStep"):
            raise TypeError(f"unknown annotation {note!r}")
    return serializer, default


def declared_parameters(cls):
    """{name: Parameter} of a class body's annotations; a default that its own validators refuse raises."""
    parameters = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        serializer, annotated_default = annotated_serializer(hint)
        default = getattr(cls, name) if hasattr(cls, name) else serializer.default
        default = annotated_default.value if annotated_default is not None else default
        try:
            serializer.validate(default)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{cls.__name__}.{name}: its default {default!r} is refused: {error}") from error
        parameters[name] = Parameter(name, hint, serializer, default)
    return parameters
