"""What a scene remembers of this module: the chosen inputs, the range, the budget, and the job that is watched."""

import enum
import pathlib
from typing import Annotated

from slicer import (
    vtkMRMLLinearTransformNode,
    vtkMRMLPlotChartNode,
    vtkMRMLPlotSeriesNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
)
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class Anatomy(enum.Enum):
    """Names are those of xvrcore.networks.ranges.ANATOMIES (stored by name)."""

    chest = 0
    pelvis = 1
    spine = 2
    skull = 3
    knee = 4
    hand = 5

    def label(self):
        return {Anatomy.chest: _("Chest"), Anatomy.pelvis: _("Pelvis"), Anatomy.spine: _("Spine"),
                Anatomy.skull: _("Skull"), Anatomy.knee: _("Knee"), Anatomy.hand: _("Hand")}[self]


class View(enum.Enum):
    """The middle of the range (stored by name)."""

    OfXray = 0
    PA = 1
    AP = 2
    LeftLateral = 3
    RightLateral = 4

    def label(self):
        return {View.OfXray: _("As the X-ray's header says"), View.PA: _("PA"), View.AP: _("AP"),
                View.LeftLateral: _("Left lateral"), View.RightLateral: _("Right lateral")}[self]

    @property
    def coreName(self):
        """Key of xvrcore.networks.ranges.VIEWS; None for the X-ray's own angles."""
        return {View.PA: "PA", View.AP: "AP", View.LeftLateral: "left lateral",
                View.RightLateral: "right lateral"}.get(self)


class Profile(enum.Enum):
    """Names are those of xvrcore.training.settings.PROFILES, and the choice between them (stored by name)."""

    auto = 0
    cpu = 1
    gpu = 2

    def label(self):
        return {Profile.auto: _("Automatic: as the computer's devices allow"), Profile.cpu: _("CPU: a small network"),
                Profile.gpu: _("GPU: a large network, by xvr's recipe")}[self]


@parameterNodeWrapper
class Parameters:
    ct: vtkMRMLScalarVolumeNode
    modality: str = "auto"
    segmentation: vtkMRMLSegmentationNode
    xraySource: vtkMRMLScalarVolumeNode
    xrayFile: pathlib.Path
    edits: str = "{}"  # what the user stated about the geometry, JSON of xvrcore.xray_io.XrayOptions
    rows: Annotated[int, WithinRange(0, 100000)] = 0  # of the detector, where there is no X-ray
    cols: Annotated[int, WithinRange(0, 100000)] = 0

    anatomy: Anatomy = Anatomy.chest
    view: View = View.OfXray
    intervals: str = "{}"  # what the user stated of the range, JSON of fields of xvrcore.networks.ranges.PoseRange

    startNetwork: pathlib.Path
    templateTransform: vtkMRMLLinearTransformNode
    profile: Profile = Profile.auto
    minutes: Annotated[float, WithinRange(0.5, 1440)] = 5.0
    iterations: Annotated[int, WithinRange(0, 10000000)] = 0  # 0: train by the clock
    threads: Annotated[int, WithinRange(0, 1024)] = 0  # 0: all
    seed: Annotated[int, WithinRange(0, 1000000)] = 0
    name: str = ""  # of the job; empty: made from the volume's

    job: pathlib.Path
    training: vtkMRMLTableNode
    validation: vtkMRMLTableNode
    trainingLine: vtkMRMLPlotSeriesNode
    validationLine: vtkMRMLPlotSeriesNode
    chart: vtkMRMLPlotChartNode
