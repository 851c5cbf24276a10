"""Mistakes in a module's source that the host cannot show by running it, because PySide6 is not PythonQt."""

import ast
from pathlib import Path


def source_mistakes(path):
    """Messages "file:line: what", for one .py file.

    * `isinstance(x, qt.QWidget)` is false in Slicer for a QPushButton: use `x.inherits("QWidget")`.
    * An f-string in `_()` is never found in a translation: use `_("... {x}").format(x=x)`.
    * `label.text = "words"` is shown untranslated: use `_("words")`.
    * `GetMatrixTransformToParent()` without an argument warns in Slicer.
    """
    mistakes = [(node.lineno, message) for node in ast.walk(ast.parse(Path(path).read_text()))
                for message in _mistakes(node)]
    return [f"{Path(path).name}:{line}: {message}" for line, message in sorted(mistakes)]


SHOWN = ("text", "toolTip", "title", "windowTitle", "placeholderText", "suffix")


def _mistakes(node):
    if isinstance(node, ast.Call):
        yield from _mistakes_of_call(node)
    shown = isinstance(node, ast.Assign) and any(getattr(target, "attr", "") in SHOWN for target in node.targets)
    if shown and any(letter.isalpha() for letter in _plain_words(node.value)):
        yield "words that are shown need _()"


def _plain_words(value):
    """The text that an expression shows as it is written."""
    if isinstance(value, ast.IfExp):
        return _plain_words(value.body) + _plain_words(value.orelse)
    if isinstance(value, ast.JoinedStr):
        return "".join(map(_plain_words, value.values))
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _mistakes_of_call(call):
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "isinstance" and len(call.args) == 2 and ast.unparse(call.args[1]).startswith(("qt.", "(qt.")):
        yield "isinstance with a Qt class is false for its subclasses in Slicer; use inherits()"
    if name in ("_", "tr", "translate") and any(isinstance(a, ast.JoinedStr) for a in call.args):
        yield "an f-string cannot be translated; use .format() on the result"
    if name in ("GetMatrixTransformToParent", "GetMatrixTransformFromParent") and not call.args:
        yield f"{name}() needs the matrix to fill"
