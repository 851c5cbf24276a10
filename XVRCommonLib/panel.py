"""What the panels of both modules do alike: follow the scene's parameters, show how things stand, say what is wrong."""

import time
import unittest

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from .enabling import enable
from .packages import missingPackages
from .worker import TURN_S, Worker

UPDATE_MS = 40
"""The panel shows a change after at most this time; many changes within it cost one update."""


class Panel(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """A module's widget: connects its sections with the session of the present scene.

    A module's own names in ``SECTIONS`` the parts of its .ui that wait for the packages; makes ``installSection`` and
    ``sections``, each with ``update(session)``, in ``makeSections()``; and gives in ``newSession(node)`` what a
    parameter node remembers, and the session of it.
    """

    SECTIONS = ()

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parameters = self.session = self.worker = self.installSection = self._guiTag = None
        self.sections = ()
        self._updateTimer = qt.QTimer()
        self._updateTimer.setSingleShot(True)
        self._updateTimer.setInterval(UPDATE_MS)
        self._updateTimer.connect("timeout()", self.update)

    def setup(self):
        super().setup()
        top = slicer.util.loadUI(self.resourcePath(f"UI/{self.moduleName}.ui"))
        self.layout.addWidget(top)
        self.ui = slicer.util.childWidgetVariables(top)
        top.setMRMLScene(slicer.mrmlScene)
        self.worker = Worker(self.moduleName)
        self.makeSections()
        scene = slicer.mrmlScene
        for event, slot in ((scene.StartCloseEvent, self.release), (scene.EndCloseEvent, self.initialize),
                            (scene.StartImportEvent, self.release), (scene.EndImportEvent, self.initialize)):
            self.addObserver(scene, event, slot)
        self.initialize()

    def cleanup(self):
        self.release()
        self._updateTimer.stop()
        if self.worker is not None:
            self.worker.close()
        self.removeObservers()

    def release(self, caller=None, event=None):
        """Let go of the scene."""
        if self.parameters is None:
            return
        self.session.close()
        self.parameters.disconnectGui(self._guiTag)
        self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self.parameters = self.session = None

    def initialize(self, caller=None, event=None):
        """Take up the scene's parameters, new or loaded."""
        self.release()
        self.parameters, self.session = self.newSession(self.logic.getParameterNode())
        self._guiTag = self.parameters.connectGui(self.ui)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self.onParameters()

    def onParameters(self, caller=None, event=None):
        if self.session is not None and self.installSection.ready:
            self.session.inputsChanged()
        self.updateSoon()

    def updateSoon(self):
        if not self._updateTimer.active:
            self._updateTimer.start()

    def update(self):
        """Show how things stand in all sections; they wait for the packages that they need."""
        if self.session is None:
            return
        ready = self.installSection.ready
        for name in self.SECTIONS:
            enable(getattr(self.ui, name), "" if ready else _("Install the packages named above first."))
        for section in self.sections if ready else ():
            section.update(self.session)

    def say(self, words):
        self.ui.messageLabel.text = words
        self.ui.messageLabel.visible = bool(words)


class PanelTest(ScriptedLoadableModuleTest):
    """A module's own test, for the real application; a module's class adds ``REQUIREMENTS`` and ``test_module()``."""

    REQUIREMENTS = ()

    def setUp(self):
        missing = missingPackages(self.REQUIREMENTS)
        if missing:
            self.skipTest(_("Skipped: {packages} is not installed.").format(packages=", ".join(missing)))
        slicer.mrmlScene.Clear()

    def runTest(self):
        """By Slicer's button "Reload and Test"."""
        try:
            self.setUp()
        except unittest.SkipTest as why:
            self.delayDisplay(str(why))
            return
        self.test_module()
        self.delayDisplay(_("Test passed"))

    def wait(self, condition, limitSeconds):
        """Let the application work until ``condition()``; False where it does not come true in time."""
        deadline = time.time() + limitSeconds
        while not condition() and time.time() < deadline:
            slicer.app.processEvents()
            time.sleep(TURN_S)
        return bool(condition())
