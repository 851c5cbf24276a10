"""XVR Registration: align X-rays with the CT or MR of the same patient. Research and teaching only."""

import slicer
import XVRRegistrationLib  # noqa: F401 - makes XVRCommonLib and xvrcore importable
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic

from XVRCommonLib import panel
from XVRCommonLib.packages import RENDERING, selfCheck

PATIENCE_S = 300
"""For each part of the module's own test."""


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
        slicer.app.connect("startupCompleted()", onStartup)


def onStartup():
    """What other modules and saved scenes ask for before this module is opened: its samples and layouts."""
    from XVRRegistrationLib import layouts, sample_data

    sample_data.register()
    layouts.register()


class XVRRegistrationWidget(panel.Panel):
    SECTIONS = ("inputsSection", "geometrySection", "startSection", "handSection", "registerSection", "sequenceSection",
                "overlaySection", "outputsSection")

    def setup(self):
        self.logic = XVRRegistrationLogic()
        self.overlaySection, self._problem = None, ""
        super().setup()

    def makeSections(self):
        from XVRRegistrationLib.geometry_section import GeometrySection
        from XVRRegistrationLib.hand_section import HandSection
        from XVRRegistrationLib.inputs_section import InputsSection
        from XVRRegistrationLib.outputs_section import OutputsSection
        from XVRRegistrationLib.overlay_section import OverlaySection
        from XVRRegistrationLib.register_section import RegisterSection
        from XVRRegistrationLib.sequence_section import SequenceSection
        from XVRRegistrationLib.start_section import StartSection

        from XVRCommonLib.install_section import InstallSection

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

    def newSession(self, node):
        from XVRRegistrationLib.parameters import Parameters
        from XVRRegistrationLib.session import Session

        parameters = Parameters(node)
        return parameters, Session(parameters, self.worker, self.updateSoon)

    def cleanup(self):
        super().cleanup()
        if self.overlaySection is not None:
            self.overlaySection.close()

    def release(self, caller=None, event=None):
        super().release()
        if self.overlaySection is not None:
            self.overlaySection.forget()

    def update(self):
        super().update()
        problem = "" if self.session is None else self.session.problem or self.session.drawer.problem
        if problem != self._problem:
            self._problem = problem
            self.say(problem)


class XVRRegistrationLogic(ScriptedLoadableModuleLogic):
    """The parameter node's home; the work is done by XVRRegistrationLib's Session."""


class XVRRegistrationTest(panel.PanelTest):
    """Registers a simulated X-ray in the real application."""

    REQUIREMENTS = RENDERING

    def test_module(self):
        from XVRRegistrationLib.sample_data import loadSample

        slicer.util.selectModule("XVRRegistration")
        widget = slicer.modules.XVRRegistrationWidget
        loadSample()
        self.wait(lambda: not widget.session.registering.blocked(), PATIENCE_S)
        ended = []
        widget.session.registering.begin("auto", ended.append)
        assert self.wait(lambda: ended, PATIENCE_S), "the registration did not end in time"
        assert ended[0] is not None, widget.session.problem
        assert ended[0].verdict.label == "registered", ended[0].verdict
