"""The worker's side of a job: claim the folder, tell the status, hear the request to stop, leave a result."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from xvrcore.errors import InputError, WorkError
from xvrcore.files import PART, said_plainly
from xvrcore.jobs.folder import JobFolder, write_json
from xvrcore.jobs.process import this_process

RESERVE_BYTES = 1 << 16
"""Given back when the disk is full, so that there is room to say so."""


class Worker:
    """One process at work in a job folder. Use as a context: it holds the folder until it ends, however it ends."""

    def __init__(self, path: str | Path):
        self.folder = JobFolder(Path(path))
        self._lock = FileLock(self.folder.lock)
        self._reserve = self.folder.path / ".reserve"

    def __enter__(self):
        self.config = self.folder.read_config()
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(f"{self.folder.path} is being worked on by another process; "
                             "watch that, or stop it first.") from error
        try:
            self._claim()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _claim(self) -> None:
        """Clear away what an earlier worker left, and say who is at work now."""
        with said_plainly(self.folder.path):
            self.folder.result.unlink(missing_ok=True)
            self.folder.stop.unlink(missing_ok=True)
            for torn in self.folder.path.glob(f".*{PART}"):
                torn.unlink()
            self._reserve.write_bytes(b"\0" * RESERVE_BYTES)
        self._begin_line()
        write_json(self.folder.worker, this_process().as_dict())

    def __exit__(self, *_):
        self._reserve.unlink(missing_ok=True)
        self._lock.release()

    @property
    def stop_requested(self) -> bool:
        return self.folder.stop.exists()

    def say(self, phase: str, **figures) -> None:
        """Append one record to ``status.jsonl``, numbers that are not finite as null, and its message to the log."""
        record = {"time": time.time(), "phase": phase, **{name: _finite(value) for name, value in figures.items()}}
        with said_plainly(self.folder.status), self.folder.status.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")
        if figures.get("message"):
            with said_plainly(self.folder.log):
                print(f"{phase}: {figures['message']}", file=sys.stderr, flush=True)

    def perform(self, work: Callable[["Worker"], dict]) -> int:
        """Do the work and leave a result, also if it fails; the exit code.

        ``work`` returns the figures of ``result.json``; it returns early, with what there is, on a request to stop.
        """
        try:
            figures = work(self)
        except (InputError, WorkError) as error:
            return self._failed(str(error), 2 if isinstance(error, InputError) else 1)
        except MemoryError:
            return self._failed("The memory is used up; close other programs or choose a smaller profile.", 1)
        except Exception as error:
            traceback.print_exc()
            return self._failed(f"{type(error).__name__}: {error}. The log tells where it happened; "
                                "resume to try again from what was saved.", 1)
        self._finish("stopped" if self.stop_requested else "finished", figures)
        return 0

    def _failed(self, message: str, code: int) -> int:
        self._reserve.unlink(missing_ok=True)
        message = " ".join(message.split())
        self._finish("failed", {"message": message})
        return code

    def _finish(self, outcome: str, figures: dict) -> None:
        write_json(self.folder.result, {"outcome": outcome, "time": time.time(), **_plain(figures)})
        self.say(outcome, message=figures.get("message", ""))

    def _begin_line(self) -> None:
        """End a line that a killed worker tore, so that the next record stands on its own."""
        try:
            with self.folder.status.open("rb+") as file:
                if file.seek(0, 2) and (file.seek(-1, 2), file.read(1))[1] != b"\n":
                    file.write(b"\n")
        except FileNotFoundError:
            return


class Helper:
    """What a process that helps the worker has in its place: it reads the configuration and tells nobody anything."""

    stop_requested = False

    def __init__(self, path: str | Path):
        self.folder = JobFolder(Path(path))

    def __enter__(self):
        self.config = self.folder.read_config()
        return self

    def __exit__(self, *_):
        pass

    def say(self, phase: str, **figures) -> None:
        pass

    def perform(self, work: Callable[["Helper"], dict]) -> int:
        """Do the work; what goes wrong ends the process, and with it the team."""
        work(self)
        return 0


def _finite(value):
    return None if isinstance(value, float) and not -float("inf") < value < float("inf") else value


def _plain(content):
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return _finite(content)
