"""Parameters take what Slicer's parameter nodes can keep, and no more."""

import enum
import pathlib
import textwrap
from typing import Annotated

import numpy as np
import pytest


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def _wrapper(body, **names):
    """A parameter node wrapper class with this body, on a new node."""
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper, parameterPack

    scope = {
        "pathlib": pathlib,
        "slicer": slicer,
        "Annotated": Annotated,
        "parameterPack": parameterPack,
        "Color": Color,
    }
    scope.update({**vars(slicer.parameterNodeWrapper), **names})
    exec("class P:\n" + textwrap.indent(textwrap.dedent(body), "    "), scope)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    return parameterNodeWrapper(scope["P"])(node)


@pytest.mark.parametrize(
    ("declared", "value", "error"),
    [
        ("pathlib.Path", "a/b", TypeError),
        ("float", np.float32(1), TypeError),
        ("float", None, ValueError),
        ("int", 1.0, TypeError),
        ("int", np.int64(1), TypeError),
        ("str", 1, TypeError),
        ("bool", 1, TypeError),
        ("Color", "RED", TypeError),
        ("slicer.vtkMRMLModelNode", "id", TypeError),
        ("Annotated[float, WithinRange(0, 5)]", 6.0, ValueError),
        ("Annotated[int, Choice([0, 2])]", 1, ValueError),
        ("list[int]", ["a"], TypeError),
    ],
)
def test_a_parameter_takes_only_its_own_type_and_range(host, declared, value, error):
    wrapper = _wrapper(f"x: {declared}")
    before = wrapper.x
    with pytest.raises(error):
        wrapper.x = value
    assert wrapper.x == before


@pytest.mark.parametrize("declared", ["dict", "object", "int | None", "numpy.ndarray"])
def test_a_parameter_of_an_unknown_type_is_refused_when_the_class_is_made(host, declared):
    with pytest.raises(TypeError, match="no parameter can be|does not know"):
        _wrapper(f"x: {declared}", numpy=np)


def test_a_slider_needs_a_bounded_float_and_a_label_cannot_show_one(host):
    import ctk
    import qt

    wrapper = _wrapper("x: float")
    with pytest.raises(RuntimeError, match="unbounded"):
        wrapper.connectParametersToGui({"x": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match="Unable to create"):
        wrapper.connectParametersToGui({"x": qt.QLabel()})
    with pytest.raises(ValueError, match="Cannot find a param"):
        wrapper.connectParametersToGui({"y": ctk.ctkSliderWidget()})
