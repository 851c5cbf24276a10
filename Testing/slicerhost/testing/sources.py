"""Mistakes in a module's source that the host cannot show by running it, because PySide6 is not PythonQt."""

import ast
from pathlib import Path


def source_mistakes(path):
    """Messages "file:line: what", for one .py file.

    * `isinstance(x, qt.QWidget)` is false in Slicer for a QPushButton: use `x.inherits("QWidget")`.
    * An f-string in `_()` is never found in a translation: use `_("... {x}").format(x=x)`.
    * `GetMatrixTransformToParent()` without an argument warns in Slicer.
    """
    calls = [node for node in ast.walk(ast.parse(Path(path).read_text())) if isinstance(node, ast.Call)]
    mistakes = [(call.lineno, message) for call in calls for message in _mistakes(call)]
    return [f"{Path(path).name}:{line}: {message}" for line, message in mistakes]


def _mistakes(call):
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "isinstance" and len(call.args) == 2 and ast.unparse(call.args[1]).startswith(("qt.", "(qt.")):
        yield "isinstance with a Qt class is false for its subclasses in Slicer; use inherits()"
    if name in ("_", "tr", "translate") and any(isinstance(a, ast.JoinedStr) for a in call.args):
        yield "an f-string cannot be translated; use .format() on the result"
    if name in ("GetMatrixTransformToParent", "GetMatrixTransformFromParent") and not call.args:
        yield f"{name}() needs the matrix to fill"
