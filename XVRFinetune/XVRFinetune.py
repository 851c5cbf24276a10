"""XVR Finetune: train a network for the X-rays of one patient, in the background. Research and teaching only."""

import pathlib

import slicer
import XVRFinetuneLib  # noqa: F401 - makes XVRCommonLib and xvrcore importable
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic

from XVRCommonLib import panel
from XVRCommonLib.packages import NETWORKS, selfCheck

PATIENCE_S = 600
"""For the module's own test."""


class XVRFinetune(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("XVR Finetune")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Registration")]
        parent.dependencies = []
        parent.contributors = ["XVR contributors"]
        parent.helpText = _(
            "Trains a small network that tells from where an X-ray of one patient was taken, on synthetic X-rays of "
            "the patient's CT or MR. Choose the volume, say what the detector is like and which views are to come, "
            "and press Start. The work goes on in the background, also when Slicer is closed; a finished network is "
            "offered in the module XVR Registration. Research and teaching only, not for clinical use.")
        parent.acknowledgementText = _(
            "The idea of registering with networks finetuned for each patient is that of xvr (Gopalakrishnan and "
            "others). Digitally reconstructed radiographs after Joseph (IEEE TMI, 1982).")


class XVRFinetuneWidget(panel.Panel):
    """Connects the panel's sections with the choices of the present scene, and with the jobs on the disk."""

    SECTIONS = ("inputsSection", "rangeSection", "trainingSection", "jobsSection", "progressSection")

    def setup(self):
        self.logic = XVRFinetuneLogic()
        super().setup()

    def makeSections(self):
        from XVRFinetuneLib.inputs_section import InputsSection
        from XVRFinetuneLib.job_start import JobStart
        from XVRFinetuneLib.job_watch import JobWatch
        from XVRFinetuneLib.jobs_section import JobsSection
        from XVRFinetuneLib.progress_section import ProgressSection
        from XVRFinetuneLib.range_section import RangeSection
        from XVRFinetuneLib.training_section import TrainingSection

        from XVRCommonLib.install_section import InstallSection

        self.jobStart = JobStart(self.worker, self._onJobChanged)
        self.watch = JobWatch(self.worker, self._onTick, self._onLooked, self.say)
        self.inputsSection, self.trainingSection = InputsSection(self.ui, self), TrainingSection(self.ui, self)
        self.installSection = InstallSection(self.ui, self, NETWORKS, selfCheck, self._onInstalled)
        self.progressSection = ProgressSection(self.ui, self)
        self.sections = (self.inputsSection, RangeSection(self.ui, self), self.trainingSection,
                         JobsSection(self.ui, self), self.progressSection)

    def newSession(self, node):
        from XVRFinetuneLib.parameters import Parameters
        from XVRFinetuneLib.session import Session

        parameters = Parameters(node)
        return parameters, Session(parameters, self.worker, self.updateSoon)

    def enter(self):
        self.installSection.update()
        self.trainingSection.networkChooser.offer(self.parameters.startNetwork)
        if self.installSection.ready:
            self.trainingSection.lookForDevices()
        self.onParameters()

    def cleanup(self):
        super().cleanup()
        if self.sections:
            self.watch.close()
            self.jobStart.close()
            self.trainingSection.close()
            self.progressSection.close()

    def onParameters(self, caller=None, event=None):
        super().onParameters()
        if self.session is not None and self.installSection.ready:
            self.watch.follow(None if str(self.parameters.job) == "." else self.parameters.job)
            self.watch.start()

    def _onInstalled(self):
        self.initialize()
        self.trainingSection.checkPython()

    # ------------------------------------------------------------ jobs

    def startJob(self):
        """Start training what the panel shows.

        :raises InputError: something is missing or wrong.
        """
        from XVRFinetuneLib.job_start import jobFolder
        from XVRFinetuneLib.volume_files import fileOf

        from xvrcore.errors import InputError

        self.session.inputsChanged()
        blocked = self.session.cannotStart()
        if blocked:
            raise InputError(blocked)
        self.say("")
        self.jobStart.begin(jobFolder(self.parameters), self.session.order(), self.session.subject,
                            fileOf(self.parameters.ct))
        self.updateSoon()

    def watchJob(self, folder):
        """Follow this job in the section Progress."""
        if self.parameters is not None:
            self.parameters.job = pathlib.Path(folder)

    def _onJobChanged(self, folder, problem):
        """A job was started, stopped or resumed, or could not be."""
        from XVRCommonLib import job_list

        self.say(problem)
        if not problem:
            job_list.remember(folder)
            self.watchJob(folder)
            self._proposeNameAnew(folder)
        self.watch.lookSoon()
        self.updateSoon()

    def _proposeNameAnew(self, taken):
        """The next job needs another name than this one's."""
        if self.parameters is not None and self.parameters.name.strip() == taken.name:
            self.parameters.name = ""

    def _onTick(self):
        self.jobStart.update()
        self.trainingSection.tick()

    def _onLooked(self):
        """Reattach to a job that runs, where none is watched."""
        live = [state.path for state in self.watch.jobs if state.is_live]
        if live and self.watch.folder is None:
            self.watchJob(live[0])
        self.update()


class XVRFinetuneLogic(ScriptedLoadableModuleLogic):
    """The parameter node's home; the work is done by XVRFinetuneLib, and by the worker in the background."""


class XVRFinetuneTest(panel.PanelTest):
    """Trains for a few iterations in the real application."""

    REQUIREMENTS = NETWORKS

    def test_module(self):
        import tempfile

        from XVRCommonLib import job_list

        own = job_list.rootFolder()
        slicer.util.selectModule("XVRFinetune")
        with tempfile.TemporaryDirectory() as folder:
            job_list.setRootFolder(folder)
            try:
                self._train(slicer.modules.XVRFinetuneWidget)
            finally:
                job_list.setRootFolder(own)

    def _train(self, widget):
        from xvrcore.cli.self_test import imaginary_patient
        from xvrcore.jobs import stop
        from xvrcore.training.files import NETWORK

        volume, _bones = imaginary_patient()
        ct = slicer.util.addVolumeFromArray(volume.values, name="imaginary patient")
        ct.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ras_from_ijk))
        p = widget.parameters
        p.ct, p.rows, p.cols, p.iterations = ct, 144, 160, 10
        widget.session.edit(sdd_mm=1000.0, pixel_spacing_mm=(2.2, 2.2))
        widget.startJob()
        job = widget.jobStart.folder
        ended = self.wait(lambda: self._ended(widget) or widget.ui.messageLabel.text, PATIENCE_S)
        assert not widget.ui.messageLabel.text, widget.ui.messageLabel.text
        state = stop(job)
        assert ended, f"the job did not end in time: {state.last}"
        assert state.phase == "finished", f"{state.phase}: {state.message}"
        assert (job / NETWORK).is_file()

    def _ended(self, widget):
        progress = widget.watch.progress
        return progress is not None and progress.state is not None and not progress.state.is_live
