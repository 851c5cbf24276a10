"""XVR Registration: align X-rays with the CT or MR of the same patient. Research and teaching only."""

import qt
import slicer
import vtk
import XVRRegistrationLib  # noqa: F401 - makes XVRCommonLib and xvrcore importable
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class XVRRegistration(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("XVR Registration")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["XVR contributors"]
        parent.helpText = _(
            "Finds from where an X-ray was taken: its pose relative to a CT or MR of the same patient. Choose the "
            "volume and the X-ray, check the geometry, and press Register. The CT never moves; moving the pose "
            "transform moves the C-arm. Research and teaching only, not for clinical use.")
        parent.acknowledgementText = _(
            "Digitally reconstructed radiographs after Joseph (IEEE TMI, 1982). The idea of registering with "
            "networks finetuned for each patient is that of xvr (Gopalakrishnan and others).")
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    from XVRRegistrationLib.sample_data import register

    register()


UPDATE_MS = 40
"""The panel shows a change after at most this time; many changes within it cost one update."""


class XVRRegistrationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Connects the panel's sections with the session of the present scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parameters = self.session = self.worker = self.overlaySection = self._guiTag = None
        self._updateTimer = qt.QTimer()
        self._updateTimer.setSingleShot(True)
        self._updateTimer.setInterval(UPDATE_MS)
        self._updateTimer.connect("timeout()", self.update)

    def setup(self):
        super().setup()
        from XVRCommonLib.worker import Worker

        top = slicer.util.loadUI(self.resourcePath("UI/XVRRegistration.ui"))
        self.layout.addWidget(top)
        self.ui = slicer.util.childWidgetVariables(top)
        top.setMRMLScene(slicer.mrmlScene)
        self.worker = Worker(self.moduleName)
        self.logic = XVRRegistrationLogic()
        self._makeSections()
        scene = slicer.mrmlScene
        for event, slot in ((scene.StartCloseEvent, self.release), (scene.EndCloseEvent, self.initialize),
                            (scene.StartImportEvent, self.release), (scene.EndImportEvent, self.initialize)):
            self.addObserver(scene, event, slot)
        self.initialize()

    def _makeSections(self):
        from XVRRegistrationLib.geometry_section import GeometrySection
        from XVRRegistrationLib.hand_section import HandSection
        from XVRRegistrationLib.inputs_section import InputsSection
        from XVRRegistrationLib.outputs_section import OutputsSection
        from XVRRegistrationLib.overlay_section import OverlaySection
        from XVRRegistrationLib.register_section import RegisterSection
        from XVRRegistrationLib.sequence_section import SequenceSection
        from XVRRegistrationLib.start_section import StartSection

        from XVRCommonLib.install_section import InstallSection
        from XVRCommonLib.packages import RENDERING, selfCheck

        self.installSection = InstallSection(self.ui, self, RENDERING, selfCheck)
        self.startSection, self.overlaySection = StartSection(self.ui, self), OverlaySection(self.ui, self)
        self.inputsSection = InputsSection(self.ui, self)
        self.sections = (self.inputsSection, GeometrySection(self.ui, self), self.startSection,
                         HandSection(self.ui, self), RegisterSection(self.ui, self), SequenceSection(self.ui, self),
                         self.overlaySection, OutputsSection(self.ui, self))

    def enter(self):
        from XVRRegistrationLib import layouts

        self.installSection.update()
        self.inputsSection.networkChooser.offer(self.parameters.network)
        if slicer.app.layoutManager().layout not in layouts.LAYOUTS:
            self.overlaySection.showLayout(layouts.WITH_3D)

    def cleanup(self):
        self.release()
        self._updateTimer.stop()
        if self.worker is not None:
            self.worker.close()
        if self.overlaySection is not None:
            self.overlaySection.close()
        self.removeObservers()

    def release(self, caller=None, event=None):
        """Let go of the scene."""
        if self.parameters is None:
            return
        self.session.close()
        self.overlaySection.forget()
        self.parameters.disconnectGui(self._guiTag)
        self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self.parameters = self.session = None

    def initialize(self, caller=None, event=None):
        """Take up the scene's parameters, new or loaded."""
        from XVRRegistrationLib.parameters import Parameters
        from XVRRegistrationLib.session import Session

        self.release()
        self.parameters = Parameters(self.logic.getParameterNode())
        self.session = Session(self.parameters, self.worker, self._updateSoon)
        self._guiTag = self.parameters.connectGui(self.ui)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self._onParameters()

    def _onParameters(self, caller=None, event=None):
        if self.session is not None and self.installSection.ready:
            self.session.inputsChanged()
        self._updateSoon()

    def _updateSoon(self):
        if not self._updateTimer.active:
            self._updateTimer.start()

    def update(self):
        """Show the session's state in all sections."""
        if self.session is None:
            return
        self.say(self.session.problem or self.session.drawer.problem)
        for section in self.sections:
            section.update(self.session)

    def say(self, words):
        self.ui.messageLabel.text = words
        self.ui.messageLabel.visible = bool(words)


class XVRRegistrationLogic(ScriptedLoadableModuleLogic):
    """The parameter node's home; the work is done by XVRRegistrationLib's Session."""


class XVRRegistrationTest(ScriptedLoadableModuleTest):
    """Registers a simulated X-ray in the real application."""

    def runTest(self):
        from XVRCommonLib.packages import RENDERING, missingPackages

        missing = missingPackages(RENDERING)
        if missing:
            self.delayDisplay(_("Skipped: {packages} is not installed.").format(packages=", ".join(missing)))
            return
        self.setUp()
        self.test_register()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_register(self):
        import time

        from XVRRegistrationLib.sample_data import loadSample

        slicer.util.selectModule("XVRRegistration")
        widget = slicer.modules.XVRRegistrationWidget
        loadSample()
        deadline = time.time() + 300
        while widget.session.registering.blocked() and time.time() < deadline:
            slicer.app.processEvents()
        ended = []
        widget.session.registering.begin("auto", ended.append)
        while not ended and time.time() < deadline:
            slicer.app.processEvents()
        assert ended, "the registration did not end in time"
        assert ended[0] is not None, widget.session.problem
        assert ended[0].verdict.label == "registered", ended[0].verdict
        self.delayDisplay(_("Test passed"))
