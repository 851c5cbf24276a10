"""The watcher's side of a job: launch, watch, stop, resume, and say what happened."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from xvrcore.errors import InputError, WorkError
from xvrcore.files import said_plainly, write_whole
from xvrcore.jobs.folder import JobFolder, StatusReader, last_record, read_json
from xvrcore.jobs.process import ProcessId, belongs_to, end, is_alive

PATIENCE_S = 5.0
"""How long a worker may take to stop of itself."""
START_S = 60.0
"""How long a new worker may take to claim its folder."""
RELEASE_S = 5.0
"""How long a dying process, its memory still being given back, may hold on to its lock."""
LITTLE_SPACE_BYTES = 4 << 20
LAST_LINES = 3
"""Of its log, that a worker which ended without a word is remembered by."""
LIVE = ("running", "stopping")


@dataclass(frozen=True)
class JobState:
    """``phase``: "new", "running", "stopping", "finished", "stopped", "failed" or "died"; ``message`` says why.

    ``last`` is the last status record, ``result`` what ``result.json`` holds; each empty where there is none.
    """

    path: Path
    phase: str
    message: str
    last: dict
    result: dict

    @property
    def is_live(self) -> bool:
        return self.phase in LIVE


def state_of(path: str | Path) -> JobState:
    """How a job stands.

    :raises InputError: the folder is not a job.
    """
    folder = JobFolder(Path(path))
    folder.read_config()
    last = last_record(folder.status)
    worker = _worker(folder)
    alive = worker is not None and is_alive(worker)
    result = read_json(folder.result) if folder.result.is_file() else {}
    if alive and not result:
        phase, message = ("stopping" if folder.stop.exists() else "running"), last.get("message", "")
    elif result:
        phase, message = result.get("outcome", "finished"), result.get("message", "")
    elif folder.stop.exists():
        phase, message = "stopped", "ended by force; what it had saved before is there"
    elif worker is not None:
        phase, message = "died", _obituary(folder, last)
    else:
        phase, message = "new", "not started"
    return JobState(folder.path, phase, message, last, result)


def launch(path: str | Path, python: str | None = None) -> ProcessId:
    """Start or resume a job's worker, which lives on when this process ends.

    :param python: the interpreter to run it with (default: this one).
    :raises InputError: the folder is not a job, another worker is at it, or there is no such Python.
    :raises WorkError: the worker ended before it could begin; the message holds the end of its log.
    """
    folder = JobFolder(Path(path).absolute())
    folder.read_config()
    _require_free(folder)
    before = _worker(folder)
    process = _begin(folder, python or sys.executable)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        worker = _worker(folder)
        if worker is not None and worker != before and belongs_to(worker, process.pid):
            return worker
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise WorkError(f"The worker in {folder.path} did not start. The end of its log: {folder.log_end()}")


def worker_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Variables so that any Python started with them finds this very package, installed or not."""
    found_in = [str(Path(__file__).parents[2]), *filter(None, [own.get("PYTHONPATH")])]
    return {"OMP_WAIT_POLICY": "PASSIVE", **own, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(found_in)}


def _begin(folder: JobFolder, python: str) -> subprocess.Popen:
    """A process that outlives this one and speaks into the job's log."""
    detached = {"start_new_session": True} if os.name == "posix" else \
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
    with said_plainly(folder.log), folder.log.open("ab") as log:
        try:
            return subprocess.Popen([python, "-m", "xvrcore", "jobs", "work", str(folder.path)],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder.path,
                                    env=worker_environment(os.environ), **detached)
        except OSError as error:
            raise InputError(f"{python} cannot be started ({error.strerror}); choose another Python.") from error


def watch(path: str | Path, interval_s: float = 0.2) -> Iterator[dict]:
    """Status records, those of the past first, until the worker has ended."""
    folder = JobFolder(Path(path))
    reader = StatusReader(folder.status)
    live = True
    while live:
        live = state_of(path).is_live
        yield from reader.new_records()
        if live:
            time.sleep(interval_s)


def stop(path: str | Path, patience_s: float = PATIENCE_S) -> JobState:
    """Ask a worker to save and end; after ``patience_s`` end it and its children by force. How the job stands then."""
    folder = JobFolder(Path(path))
    worker = _worker(folder)
    if not state_of(path).is_live or worker is None:
        return state_of(path)
    write_whole(folder.stop, "")
    deadline = time.monotonic() + patience_s
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    end(worker)
    return state_of(path)


def jobs_below(path: str | Path) -> list[JobState]:
    """All jobs in a folder: itself, or in the folders within it, of which one that cannot be read counts as failed."""
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"{path} is not a folder.")
    if JobFolder(path).config.is_file():
        return [state_of(path)]
    return [_state_or_fault(one.parent) for one in sorted(path.glob(f"*/{JobFolder(path).config.name}"))]


def _state_or_fault(path: Path) -> JobState:
    try:
        return state_of(path)
    except InputError as error:
        return JobState(path, "failed", str(error), {}, {})


def _worker(folder: JobFolder) -> ProcessId | None:
    if not folder.worker.is_file():
        return None
    record = read_json(folder.worker)
    try:
        return ProcessId.from_dict(record)
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{folder.worker} does not say which process is at work; remove it.") from error


def _require_free(folder: JobFolder) -> None:
    worker = _worker(folder)
    try:
        with FileLock(folder.lock, timeout=0 if worker is not None and is_alive(worker) else RELEASE_S):
            return
    except Timeout as error:
        raise InputError(f"{folder.path} is being worked on already; watch that, or stop it first.") from error


def _obituary(folder: JobFolder, last: dict) -> str:
    """What is known of a worker that ended without leaving a result."""
    said = f"after {last['phase']}" if last else "before it said anything"
    if last.get("iteration") is not None:
        said += f" {last['iteration']}"
    message = f"The worker ended without a word {said}: it was killed, or the memory ran out."
    if shutil.disk_usage(folder.path).free < LITTLE_SPACE_BYTES:
        message = f"The worker ended {said}: the disk is full; free some space."
    return "\n".join([f"{message} Resume it: what it had saved is there.",
                      *folder.log_end().splitlines()[-LAST_LINES:]])
