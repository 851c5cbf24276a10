"""A small scripted module that uses what real ones use; the host's tests drive it."""

import enum
import pathlib
import subprocess
import sys
from typing import Annotated, Optional

import qt
import slicer
import vtk
from slicer import vtkMRMLLinearTransformNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper, parameterPack
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LAYOUT_ID = 5701
LAYOUT = """<layout type="horizontal" split="true">
 <item splitSize="500"><view class="vtkMRMLSliceNode" singletontag="Probe">
  <property name="orientation" action="default">Axial</property>
  <property name="viewlabel" action="default">P</property></view></item>
 <item splitSize="400"><view class="vtkMRMLViewNode" singletontag="Probe3D">
  <property name="viewlabel" action="default">3D</property></view></item></layout>"""


class Metric(enum.Enum):
    NCC = 1
    GradientNCC = 2


@parameterPack
class Geometry:
    sdd: Annotated[float, WithinRange(100, 3000)] = 1000.0
    flipped: bool = False


@parameterNodeWrapper
class HostProbeParameterNode:
    ct: vtkMRMLScalarVolumeNode
    pose: vtkMRMLLinearTransformNode
    step: Annotated[float, WithinRange(0, 50)] = 1.5
    checkpoint: pathlib.Path
    metric: Metric = Metric.GradientNCC
    verbose: bool = False
    geometry: Geometry
    history: list[str]
    limit: Optional[int] = None  # noqa: UP045 - Slicer's wrapper does not know int | None


class HostProbe(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Host Probe")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="Probe", sampleName="ProbeCT", uris=[], fileNames=[],
        customDownloader=lambda source: HostProbeLogic().makeVolume(),
    )


class DropArea(qt.QLabel):
    def __init__(self, parent=None):
        super().__init__(parent)
        self.text, self.acceptDrops = _("Drop a file here"), True
        self.dropped = []

    def dragEnterEvent(self, event):
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event):
        self.dropped += [url.toLocalFile() for url in event.mimeData().urls()]
        event.acceptProposedAction()


class HostProbeWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._parameterNode = self._guiTag = self.process = None
        self.ticks, self.entered = 0, 0

    def setup(self):
        super().setup()
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/HostProbe.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.dropArea = DropArea()
        self.layout.addWidget(self.dropArea)
        self.logic = HostProbeLogic()
        self.timer = qt.QTimer()
        self.timer.setInterval(20)
        self.timer.connect("timeout()", self.onTick)
        scene = slicer.mrmlScene
        for event, slot in (
            (scene.StartCloseEvent, self.release),
            (scene.EndCloseEvent, self.initialize),
            (scene.StartImportEvent, self.release),
            (scene.EndImportEvent, self.initialize),
        ):
            self.addObserver(scene, event, slot)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.failButton.connect("clicked()", self.onFail)
        self.ui.tickButton.connect("toggled(bool)", self.onTickToggled)
        self.ui.segmentsTable.connect("selectionChanged(QItemSelection,QItemSelection)", lambda: None)
        self.initialize()

    def enter(self):
        self.entered += 1

    def exit(self):
        self.entered -= 1

    def cleanup(self):
        self.timer.stop()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.release()
        self.removeObservers()

    def release(self, caller=None, event=None):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.check)
        self._parameterNode = None

    def initialize(self, caller=None, event=None):
        self.release()
        self._parameterNode = HostProbeParameterNode(self.logic.getParameterNode())
        self._guiTag = self._parameterNode.connectGui(self.ui)
        self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.check)
        self.check()

    def check(self, caller=None, event=None):
        p = self._parameterNode
        missing = _("Select a CT") if not p.ct else _("Select a pose") if not p.pose else ""
        self.ui.applyButton.enabled = not missing
        self.ui.applyButton.toolTip = missing or _("Move the pose")

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("Failed."), waitCursor=True):
            self.logic.move(self._parameterNode)
            self.ui.statusLabel.text = _("Moved {mm:g} mm").format(mm=self._parameterNode.step)

    def onFail(self):
        with slicer.util.tryWithErrorDisplay(_("It failed.")):
            raise ValueError("on purpose")

    def onTickToggled(self, on):
        if on:
            self.timer.start()
        else:
            self.timer.stop()

    def onTick(self):
        self.ticks += 1

    def startProcess(self):
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)

    def showLayout(self):
        layoutManager = slicer.app.layoutManager()
        node = layoutManager.layoutLogic().GetLayoutNode()
        if not node.IsLayoutDescription(LAYOUT_ID):
            node.AddLayoutDescription(LAYOUT_ID, LAYOUT)
        layoutManager.setLayout(LAYOUT_ID)
        slicer.app.processEvents()


class HostProbeLogic(ScriptedLoadableModuleLogic):
    def makeVolume(self):
        import numpy as np

        return slicer.util.addVolumeFromArray(np.arange(60, dtype=np.float32).reshape(3, 4, 5), name="ProbeCT")

    def move(self, parameters):
        matrix = slicer.util.arrayFromTransformMatrix(parameters.pose)
        matrix[0, 3] += parameters.step
        slicer.util.updateTransformMatrixFromArray(parameters.pose, matrix)
        parameters.history.append(f"{parameters.step:g}")


class HostProbeTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("Testing")
        assert HostProbeLogic().makeVolume() is not None
