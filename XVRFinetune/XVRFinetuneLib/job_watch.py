"""Watching jobs by their folders alone: read in the worker's thread, at most twice a second."""

from dataclasses import dataclass, field

import qt
from slicer.i18n import tr as _

from XVRCommonLib import job_list
from xvrcore.errors import InputError
from xvrcore.training.files import SAMPLES, VIEWS

POLL_MS = 500
ALL_EVERY = 4
"""The list of all jobs is read once in so many polls."""


@dataclass
class Progress:
    """What one job has told so far: pairs (iteration, mm), how it stands, the end of its log.

    ``latest`` is the last record on how far it is. Of a loss's terms, the one in mm counts. ``pictures``
    holds, for the names of its pictures' files that are there, when they were written.
    """

    state: object = None
    looked: bool = False
    latest: dict = field(default_factory=dict)
    training: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    log: str = ""
    pictures: dict = field(default_factory=dict)

    def add(self, records):
        for record in records:
            if record.get("median_mm") is not None:
                self.validation.append((record["iteration"], record["median_mm"]))
                continue
            self.latest = record
            error = record.get("mtre_mm", record.get("geodesic_mm"))
            if error is not None:
                self.training.append((record["iteration"], error))


class JobWatch:
    """Follows one job closely, and the list of all.

    ``onTick()`` is called at every poll, ``onChange()`` when something has been read, ``onProblem(words)`` when
    nothing can be.
    """

    def __init__(self, worker, onTick, onChange, onProblem):
        self.worker, self.onTick, self.onChange, self.onProblem = worker, onTick, onChange, onProblem
        self.folder = self.progress = self._reader = None
        self.jobs = []
        self._asked, self._polls = False, 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._poll)

    def start(self):
        if not self._timer.active:
            self._timer.start()

    def close(self):
        self._timer.stop()

    def follow(self, folder):
        """Watch this job, from its beginning; None for no job."""
        from xvrcore.jobs import JobFolder, StatusReader

        if folder == self.folder:
            return
        self.folder, self.progress = folder, None if folder is None else Progress()
        self._reader = None if folder is None else StatusReader(JobFolder(folder).status)
        self.lookSoon()

    def lookSoon(self):
        """Read all jobs at the next poll."""
        self._polls = 0

    def _poll(self):
        self.onTick()
        if self._asked:
            return
        folders = job_list.jobFolders() if self._polls % ALL_EVERY == 0 else None
        self._polls += 1
        self._asked = True
        progress, folder, reader = self.progress, self.folder, self._reader
        self.worker.request("watch", lambda: _look(folder, reader, folders),
                            lambda found, error: self._onLooked(progress, found, error))

    def _onLooked(self, progress, found, error):
        self._asked = False
        if error is not None:
            self.onProblem(_("The jobs cannot be read: {error}.").format(error=error))
            return
        one, jobs = found
        if jobs is not None:
            self.jobs = jobs
        if progress is not None and progress is self.progress:
            progress.state, records, progress.log, progress.pictures = one
            progress.add(records)
            progress.looked = True
            if progress.state is not None:
                self.jobs = [progress.state if job.path == progress.state.path else job for job in self.jobs]
        self.onChange()


def _look(folder, reader, folders):
    from xvrcore.jobs import JobFolder

    one = None
    if folder is not None:
        pictures = {name: when for name in (VIEWS, SAMPLES) if (when := _written(folder / name)) is not None}
        records = reader.new_records()
        one = _stateOf(folder), records, JobFolder(folder).log_end(), pictures
    jobs = None if folders is None else [state for state in map(_stateOf, folders) if state is not None]
    return one, jobs


def _written(file):
    """When, in ns; None where it is not there."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _stateOf(folder):
    """None where the job has been deleted; a damaged one says so."""
    from xvrcore.jobs import JobFolder, JobState, state_of

    try:
        return state_of(folder)
    except InputError as error:
        return JobState(folder, "failed", str(error), {}, {}) if JobFolder(folder).config.is_file() else None
