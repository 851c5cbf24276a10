"""Which process a job's worker is, whether it still runs, and how to end it with all its children."""

import contextlib
import os
from dataclasses import asdict, dataclass

import psutil

START_TOLERANCE_S = 1.0
"""Two readings of a process's start may differ by the clock's adjustments."""


@dataclass(frozen=True)
class ProcessId:
    """A process id alone is given again to others; with the start time (seconds since 1970) it is unique."""

    pid: int
    started: float

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict) -> "ProcessId":
        """The inverse of :meth:`as_dict`.

        :raises LookupError, TypeError, ValueError: something is missing or of the wrong kind.
        """
        found = cls(int(content["pid"]), float(content["started"]))
        if found.pid < 1:
            raise ValueError(f"there is no process {found.pid}")
        return found


def this_process() -> ProcessId:
    return ProcessId(os.getpid(), psutil.Process().create_time())


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs; one that ended but was not waited for yet does not."""
    return _found(process) is not None


def belongs_to(process: ProcessId, pid: int) -> bool:
    """Whether it is the process ``pid`` or was started by it: some Pythons, as 3D Slicer's, begin as a launcher."""
    if process.pid == pid:
        return True
    try:
        return process.pid in [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return False


def end(process: ProcessId, patience_s: float = 2.0) -> None:
    """End a process and all its children: politely, then, after ``patience_s``, by force."""
    found = _found(process)
    if found is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [*found.children(recursive=True), found]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.terminate()
        _, left = psutil.wait_procs(family, timeout=patience_s)
        for one in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(left, timeout=patience_s)


def _found(process: ProcessId) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started) < START_TOLERANCE_S
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):     # gone, or the number is now another user's process
        return None
