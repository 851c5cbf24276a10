"""From the panel's choices to a running job: files are written, then the worker is launched, without waiting."""

import re
from datetime import datetime

from slicer.i18n import tr as _

from XVRCommonLib import job_list
from xvrcore.errors import InputError
from xvrcore.files import write_whole

from .command_line import finetuneWords
from .volume_files import writeInputs
from .worker_python import Command

NO_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]|\.$')
"""What a folder's name cannot hold on some system, or end with."""


class JobStart:
    """One job at a time is being started, stopped or resumed; ``update()`` is called by a timer while ``busy``.

    ``onEnd(folder, problem)`` tells how it went; the problem is empty where all is well.
    """

    def __init__(self, worker, onEnd):
        self.worker, self.onEnd = worker, onEnd
        self.folder, self.doing = None, ""
        self._command = None

    @property
    def busy(self):
        return self.folder is not None

    def begin(self, folder, order, subject, volumeFile):
        """Start a new job.

        :param volumeFile: of the subject, or None to write one.
        """
        self.folder, self.doing = folder, _("Writing what the job needs…")

        def onWritten(files, error):
            if error is not None:
                self._end(str(error))
            else:
                self._run(finetuneWords(order, folder, *files))

        self.worker.request("write", lambda: writeInputs(order, subject, folder, volumeFile), onWritten)

    def resume(self, folder):
        self.folder = folder
        self._run(["jobs", "resume", str(folder)])

    def stop(self, folder):
        """Ask it to end at once; the command ends it by force where it does not."""
        from xvrcore.jobs import JobFolder

        self.folder = folder
        try:
            write_whole(JobFolder(folder).stop, "")
        except InputError as error:
            self._end(str(error))
        else:
            self._run(["jobs", "stop", str(folder)])

    def _run(self, words):
        self.doing = {"finetune": _("Starting the worker…")}.get(words[0]) or \
            {"resume": _("Resuming…"), "stop": _("Stopping: the worker saves and ends…")}[words[1]]
        try:
            self._command = Command(words)
        except OSError as error:
            self._end(_("The worker's Python cannot be started ({error}); choose another in Advanced.").format(
                error=error))

    def update(self):
        """See whether the command has ended."""
        code = None if self._command is None else self._command.exitCode()
        if code is None:
            return
        complaint, self._command = self._command.complaint(), None
        self._end("" if code == 0 else complaint or _("The worker ended with exit code {code}.").format(code=code))

    def close(self):
        if self._command is not None:
            self._command.abandon()
        self.folder = self._command = None

    def _end(self, problem):
        folder, self.folder, self.doing = self.folder, None, ""
        self.onEnd(folder, problem)


def jobFolder(p):
    """Where the next job goes; None before a volume is chosen."""
    name = p.name.strip() or (proposedName(p.ct) if p.ct is not None else "")
    return job_list.rootFolder() / name if name else None


def proposedName(node):
    """The volume's name and the date, and a number where that is taken."""
    plain = re.sub(r"[^\w-]+", "-", node.GetName()).strip("-") or "volume"
    name = f"{plain}-{datetime.now():%Y-%m-%d}"
    taken = {folder.name for folder in job_list.jobFolders()}
    return next(one for number in range(1, len(taken) + 2)
                if (one := name if number == 1 else f"{name}-{number}") not in taken)
