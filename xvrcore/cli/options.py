"""Command-line options made from dataclasses: a field is an option of the same name with the same default."""

import argparse
import types
import typing
from dataclasses import MISSING, fields
from pathlib import Path


def add_fields(parser, settings: type, help_texts: dict[str, str]):
    """Give ``parser`` an option for every field of the dataclass ``settings`` that ``help_texts`` explains.

    ``sdd_mm: float | None`` becomes ``--sdd-mm SDD_MM``, a bool becomes ``--name`` / ``--no-name``, a tuple of
    numbers as many values, a ``Literal`` a choice.
    """
    annotations = typing.get_type_hints(settings)
    by_name = {field.name: field for field in fields(settings)}
    for name, text in help_texts.items():
        default = _default(by_name[name])
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, **_argument(annotations[name]),
                            help=text + _shown(default))


def from_options(settings: type, options: argparse.Namespace, **given):
    """The dataclass ``settings`` with the options' values; ``given`` fields are taken instead of an option's."""
    values = {field.name: getattr(options, field.name) for field in fields(settings) if hasattr(options, field.name)}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return settings(**values | given)


def _default(field):
    return field.default if field.default_factory is MISSING else field.default_factory()


def _shown(default) -> str:
    if default is None or isinstance(default, bool) or default == () or default == "":
        return ""
    return f" (default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"


def _argument(annotation) -> dict:
    """argparse's keywords for a value of this type."""
    choices = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return _argument(choices[0])
    if typing.get_origin(annotation) is typing.Literal:
        return {"choices": choices}
    if typing.get_origin(annotation) is tuple:
        return {"type": choices[0], "nargs": "+" if choices[-1] is Ellipsis else len(choices)}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if annotation in (int, float, str, Path):
        return {"type": annotation}
    raise TypeError(f"no option can be made for a value of type {annotation}")
