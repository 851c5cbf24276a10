"""`slicer.parameterNodeWrapper`: typed attributes over a vtkMRMLScriptedModuleNode, bound to widgets.

Written for the host after Slicer's documentation; it stores parameters under the same names and texts as
Slicer does, so that scenes saved here open there. Types: bool, int, float, str, Enum, Path, nodes, packs,
and lists and Optional of these. Others are refused: keep parameter nodes simple.
"""

from .connectors import Decimals, SingleStep
from .packs import isParameterPack, nestedParameterNames, parameterPack
from .serializers import Default
from .validators import Choice, Exclude, Maximum, Minimum, Validator, WithinRange
from .wrapper import (
    SlicerParameterNamePropertyName,
    findChildWidgetForParameter,
    isParameterNodeWrapper,
    parameterNodeWrapper,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "findChildWidgetForParameter",
    "isParameterNodeWrapper",
    "isParameterPack",
    "nestedParameterNames",
    "parameterNodeWrapper",
    "parameterPack",
]
