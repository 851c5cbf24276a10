"""What a scene remembers of this module: the chosen inputs, the nodes made from them, and how they are shown."""

import enum
import pathlib
from typing import Annotated

from slicer import (
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLLinearTransformNode,
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLModelNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceBrowserNode,
    vtkMRMLSequenceNode,
    vtkMRMLTableNode,
    vtkMRMLVectorVolumeNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class Overlay(enum.Enum):
    """How X-ray and DRR are shown together (stored by name)."""

    Blend = 0
    Edges = 1
    Color = 2
    Checkerboard = 3
    Difference = 4
    Flicker = 5

    def label(self):
        return {Overlay.Blend: _("Blend"), Overlay.Edges: _("DRR edges on the X-ray"),
                Overlay.Color: _("Color: X-ray red, DRR cyan"), Overlay.Checkerboard: _("Checkerboard"),
                Overlay.Difference: _("Difference"), Overlay.Flicker: _("Flicker")}[self]


@parameterNodeWrapper
class Parameters:
    ct: vtkMRMLScalarVolumeNode
    modality: str = "auto"
    xraySource: vtkMRMLScalarVolumeNode
    xrayFile: pathlib.Path
    frame: int = 0
    edits: str = "{}"  # what the user stated about the X-ray, JSON of xvrcore.xray_io.XrayOptions
    segmentation: vtkMRMLSegmentationNode
    network: pathlib.Path
    templateTransform: vtkMRMLLinearTransformNode
    points3d: vtkMRMLMarkupsFiducialNode
    points2d: vtkMRMLMarkupsFiducialNode

    pose: vtkMRMLLinearTransformNode
    browser: vtkMRMLSequenceBrowserNode
    poses: vtkMRMLSequenceNode
    image: vtkMRMLScalarVolumeNode
    field: vtkMRMLLabelMapVolumeNode
    drr: vtkMRMLScalarVolumeNode
    comparison: vtkMRMLVectorVolumeNode
    beam: vtkMRMLModelNode
    surface: vtkMRMLModelNode
    projectedPoints: vtkMRMLMarkupsFiducialNode
    history: vtkMRMLTableNode
    metrics: vtkMRMLTableNode

    overlay: Overlay = Overlay.Blend
    blend: Annotated[float, WithinRange(0, 1)] = 0.5
    showField: bool = True
    showOutlines: bool = True
    fillOutlines: bool = False
    showLandmarks: bool = True
    showHandles: bool = False

    refinePrincipalPoint: bool = False
    refineSdd: bool = False
    segmentsAlone: bool = False
