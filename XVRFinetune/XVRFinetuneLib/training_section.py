"""Panel, 3: profile, budget and place of a job, and starting it."""

import json
import os
from pathlib import Path

from slicer.i18n import tr as _

from XVRCommonLib import job_list
from XVRCommonLib.enabling import enable
from XVRCommonLib.network_chooser import NetworkChooser, templateInWords
from xvrcore.errors import InputError

from .job_start import jobFolder
from .parameters import Profile
from .worker_python import Command, choosePython, chosenPython, knownGpus, rememberGpus, workerPython

MISSING = "not installed"
"""What ``xvrcore info`` says of a library that is not there, in place of its version."""
APPLE = _("Apple GPU")
"""Trained on only where the GPU's profile is chosen by name."""


class TrainingSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._check = None
        self.networkChooser = NetworkChooser(ui.networkCombo, ui.networkFileButton, _("Nothing: an untrained network"),
                                             self._onNetwork)
        ui.jobsFolderButton.directory = str(job_list.rootFolder())
        ui.jobsFolderButton.connect("directoryChanged(QString)", self._onJobsFolder)
        ui.pythonPath.currentPath = chosenPython()
        ui.pythonPath.connect("currentPathChanged(QString)", self._onPython)
        ui.checkButton.connect("clicked()", self.checkPython)
        ui.startButton.connect("clicked()", self._onStart)

    def _onNetwork(self, path):
        p = self.panel.parameters
        if path != p.startNetwork:
            p.templateTransform = None  # was stated for the one before
        p.startNetwork = path

    def _onJobsFolder(self, path):
        job_list.setRootFolder(path)
        self.panel.watch.lookSoon()
        self.panel.updateSoon()

    def _onPython(self, path):
        choosePython(path)
        self.ui.checkLabel.text = ""
        if not path or Path(path).is_file():
            self.checkPython()

    def lookForDevices(self):
        """Find out in the background where it would train, if that is not known yet."""
        if knownGpus() is None and self._check is None:
            self.checkPython()

    def checkPython(self):
        """Have the worker's Python name its devices and run a kernel on each."""
        self.close()
        try:
            self._check = Command(["info", "--json"])
        except OSError as error:
            self.ui.checkLabel.text = _("{python} cannot be started: {error}.").format(
                python=workerPython(), error=error)
        self.panel.updateSoon()

    def _onStart(self):
        try:
            self.panel.startJob()
        except InputError as error:
            self.panel.say(str(error))

    def tick(self):
        """See whether the check of the Python has ended."""
        if self._check is None or self._check.exitCode() is None:
            return
        ended, self._check = self._check, None
        found, problem = _answerOf(ended)
        if problem:
            self.ui.checkLabel.text = _("This Python cannot train: {problem}").format(problem=problem)
            self.panel.say(self.ui.checkLabel.text)
        else:
            rememberGpus(_gpus(found))
            self.ui.checkLabel.text = _inWords(found)
        self.panel.updateSoon()

    def close(self):
        if self._check is not None:
            self._check.end()
            self._check = None

    # ------------------------------------------------------------ showing

    def update(self, session):
        p, starting = session.p, self.panel.jobStart
        self.networkChooser.show(p.startNetwork)
        enable(self.ui.templateSelector, "" if p.startNetwork.name else _("Choose a network to start from first."))
        enable(self.ui.minutesBox, _("The number of iterations in Advanced decides.") if p.iterations else "")
        self.ui.budgetLabel.text = _budgetInWords(p)
        folder = jobFolder(p)
        self.ui.nameEdit.placeholderText = folder.name if folder is not None else ""
        self.ui.folderLabel.text = "" if folder is None else _("The job goes to {folder}.").format(folder=folder)
        blocked = starting.doing or session.cannotStart()
        enable(self.ui.startButton, blocked)
        self.ui.startStatus.text = blocked or templateInWords(p.startNetwork, p.templateTransform)
        enable(self.ui.checkButton, "" if self._check is None else _("The check is under way."))
        if self._check is not None:
            self.ui.checkLabel.text = _("Checking {python}…").format(python=workerPython())


def _budgetInWords(p):
    device = _deviceInWords(p)
    if p.iterations:
        return _("Exactly {count} iterations on {device}, and a minute or two before and after.").format(
            count=p.iterations, device=device)
    return _("About {minutes:g} minutes on {device}, and a minute or two before and after.").format(
        minutes=p.minutes, device=device)


def _deviceInWords(p):
    """Where it would train, as far as the last check of the Python tells."""
    gpus = knownGpus()
    cpu = _("this CPU ({threads} threads)").format(threads=p.threads or os.cpu_count())
    if p.profile is Profile.cpu or (p.profile is Profile.auto and gpus is not None and set(gpus) <= {APPLE}):
        return cpu
    if gpus:
        return gpus[0]
    if gpus == []:
        return _("a GPU, which this Python does not find")
    return _("the GPU") if p.profile is Profile.gpu else _("the GPU, or {cpu} where there is none").format(cpu=cpu)


def _answerOf(command):
    """What ``xvrcore info --json`` found, and why that Python cannot train; one of them is None or empty."""
    if command.exitCode() != 0:
        return None, command.complaint() or _("it ends with exit code {code}.").format(code=command.exitCode())
    try:
        found = json.loads(command.said())
    except ValueError:
        return None, _("it does not answer as Python does; choose another in Advanced.")
    if found["versions"]["torch"] == MISSING:
        return None, _("torch is not installed there; install it, or choose another in Advanced.")
    return found, ""


def _gpus(found):
    """Names of those on which torch can train."""
    return found["devices"]["cuda"] + ([APPLE] if found["devices"]["mps"] else [])


def _inWords(found):
    """What ``xvrcore info --json`` found."""
    gpus = _gpus(found)
    works = [f"{name} ({kernel['device']})" for name, kernel in found["backends"].items() if kernel["ok"]]
    return _("Python {version}; {threads} CPU threads; GPU: {gpus}; renderers that work: {works}.").format(
        version=found["versions"].get("python", "?"), threads=found["devices"]["cpu_threads"],
        gpus=", ".join(gpus) or _("none"), works=", ".join(works))
