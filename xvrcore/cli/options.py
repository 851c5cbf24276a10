"""Command-line options made from dataclasses: a field is an option of the same name with the same default."""

import argparse
import types
import typing
from dataclasses import MISSING, fields
from pathlib import Path


def add_fields(parser, settings: type, help_texts: dict[str, str], prefix: str = ""):
    """Give ``parser`` an option for every field of the dataclass ``settings`` that ``help_texts`` explains.

    ``sdd_mm: float | None`` becomes ``--sdd-mm SDD_MM``, a bool becomes ``--name`` / ``--no-name``, a tuple of
    numbers as many values, a ``Literal`` a choice. Names begin with ``prefix``. What is not said on the command
    line stays out of the namespace: the dataclass alone knows its defaults. A pixel spacing may be one value.
    """
    annotations = typing.get_type_hints(settings)
    by_name = {field.name: field for field in fields(settings)}
    for name, text in help_texts.items():
        parser.add_argument(f"--{(prefix + name).replace('_', '-')}", default=argparse.SUPPRESS,
                            **_argument(name, annotations[name]), help=text + _shown(by_name[name]))


def given_fields(settings: type, options: argparse.Namespace, prefix: str = "") -> dict:
    """The fields of ``settings`` that were said on the command line, and their values."""
    said = {field.name: getattr(options, prefix + field.name) for field in fields(settings)
            if hasattr(options, prefix + field.name)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _shown(field) -> str:
    """The field's default, as the help shows it."""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if default is MISSING or default is None or isinstance(default, bool) or default in ((), ""):
        return ""
    return f" (default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})".replace("%", "%%")


def _argument(name: str, annotation) -> dict:
    """argparse's keywords for a value of this name and type."""
    choices = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _argument(name, choices[0])
    if typing.get_origin(annotation) is typing.Literal:
        return {"choices": choices}
    if typing.get_origin(annotation) is tuple:
        if name.endswith("spacing_mm"):
            return {"type": float, "nargs": "+", "metavar": "MM", "action": _Spacing}
        count = "+" if choices[-1] is Ellipsis else len(choices)
        return {"type": choices[0], "nargs": count, "metavar": _metavar(name, choices[0])}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if annotation in (int, float, str, Path):
        return {"type": annotation, "metavar": _metavar(name, annotation)}
    raise TypeError(f"no option can be made for a value of type {annotation}")


def _metavar(name: str, kind: type) -> str:
    """The unit that the name ends with, else what kind of value it is."""
    unit = name.rsplit("_", 1)[-1]
    return unit.upper() if unit in ("mm", "deg", "px", "ras", "s") else \
        {int: "N", float: "X", str: "TEXT", Path: "PATH"}[kind]


class _Spacing(argparse.Action):
    """Row and column spacing, or one value for both."""

    def __call__(self, parser, namespace, values, option_string=None):
        if len(values) > 2:
            parser.error(f"argument {option_string}: expected one or two values")
        setattr(namespace, self.dest, values * 2 if len(values) == 1 else values)
