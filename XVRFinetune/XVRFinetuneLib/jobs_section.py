"""Panel, 4: all jobs with their states, and what can be done with one."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from XVRCommonLib import job_list
from XVRCommonLib.enabling import enable
from XVRCommonLib.text_table import TextTable
from xvrcore.errors import InputError
from xvrcore.training.files import NETWORK

STATES = {"new": _("not started"), "running": _("running"), "stopping": _("stopping"), "finished": _("finished"),
          "stopped": _("stopped"), "failed": _("failed"), "died": _("ended unexpectedly")}
RESUMABLE = ("new", "stopped", "failed", "died")


class JobsSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self.table = TextTable(ui.jobsTable, (_("Job"), _("State"), _("Median error")))
        ui.jobsTable.connect("itemSelectionChanged()", self._onSelection)
        ui.stopButton.connect("clicked()", self._onStop)
        ui.resumeButton.connect("clicked()", self._onResume)
        ui.useButton.connect("clicked()", self._onUse)
        ui.openButton.connect("clicked()", self._onOpen)
        ui.addButton.connect("clicked()", self._onAdd)

    def _selected(self):
        """The state of the job that is watched, or None."""
        folder = self.panel.watch.folder
        return next((state for state in self.panel.watch.jobs if state.path == folder), None)

    def _onSelection(self):
        row, jobs = self.ui.jobsTable.currentRow(), self.panel.watch.jobs
        if not self.table.filling and 0 <= row < len(jobs):
            self.panel.watchJob(jobs[row].path)

    def _onStop(self):
        self.panel.jobStart.stop(self._selected().path)
        self.panel.updateSoon()

    def _onResume(self):
        self.panel.jobStart.resume(self._selected().path)
        self.panel.updateSoon()

    def _onUse(self):
        """Choose the network in XVRRegistration, and go there."""
        path = self._selected().path / NETWORK
        slicer.util.selectModule("XVRRegistration")
        slicer.modules.XVRRegistrationWidget.inputsSection.useNetwork(path)

    def _onOpen(self):
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._selected().path)))

    def _onAdd(self):
        from xvrcore.jobs import JobFolder

        chosen = qt.QFileDialog.getExistingDirectory(self.ui.jobsTable, _("The folder of a job"),
                                                     str(job_list.rootFolder()))
        if not chosen:
            return
        try:
            JobFolder(Path(chosen)).read_config()
        except InputError as error:
            self.panel.say(str(error))
            return
        job_list.remember(chosen)
        self.panel.watchJob(Path(chosen))

    # ------------------------------------------------------------ showing

    def update(self, session):
        jobs, busy = self.panel.watch.jobs, self.panel.jobStart.doing
        self.table.show([(job.path.name, _stateInWords(job), _error(job)) for job in jobs])
        self.table.select(next((i for i, job in enumerate(jobs) if job.path == self.panel.watch.folder), -1))
        state = self._selected()
        nothing = _("Choose a job in the table.") if state is None else ""
        enable(self.ui.stopButton, nothing or busy or _unless(state.phase == "running", _("It does not run.")))
        enable(self.ui.resumeButton, nothing or busy or _unless(state.phase in RESUMABLE, _whyNotResume(state)))
        enable(self.ui.useButton, nothing or self._whyNotUse(state))
        enable(self.ui.openButton, nothing)
        self.ui.jobsStatus.text = busy or ("" if jobs else _("No job yet."))

    def _whyNotUse(self, state):
        if not (state.path / NETWORK).is_file():
            return _("It has no network yet.")
        return _unless(hasattr(slicer.modules, "xvrregistration"), _("The module XVR Registration is not there."))


def _unless(fine, why):
    return "" if fine else why


def _whyNotResume(state):
    return _("It is finished; start a new job to train further.") if state.phase == "finished" else _("It runs.")


def _stateInWords(job):
    share = job.last.get("fraction")
    return STATES[job.phase] if not job.is_live or share is None else f"{STATES[job.phase]}, {share:.0%}"


def _error(job):
    """The best network's, once it was measured."""
    best = job.result.get("best")
    return _("{error:.1f} mm").format(error=best["median_mm"]) if best else ""
