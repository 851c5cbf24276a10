"""The files of a job folder, read and written so that a reader never sees half of one."""

import json
from dataclasses import dataclass
from pathlib import Path

from xvrcore.errors import InputError
from xvrcore.files import said_plainly, write_whole

END_BYTES = 4000
"""Of a log or a status file: its last lines."""


@dataclass(frozen=True)
class JobFolder:
    """Where each file of a job lies."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def status(self) -> Path:
        return self.path / "status.jsonl"

    @property
    def worker(self) -> Path:
        return self.path / "worker.json"

    @property
    def log(self) -> Path:
        return self.path / "worker.log"

    @property
    def stop(self) -> Path:
        return self.path / "stop"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    def create(self, config: dict) -> None:
        """Make the folder and its configuration.

        :raises InputError: the folder holds a job already, or cannot be written to.
        """
        if self.config.exists():
            raise InputError(f"{self.path} holds a job already; resume that, or choose another folder.")
        with said_plainly(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.config, config)

    def clear(self) -> None:
        """Forget the job, but for what its work may have left."""
        with said_plainly(self.path):
            for file in (self.result, self.stop, self.worker, self.status, self.log, self.config):
                file.unlink(missing_ok=True)

    def read_config(self) -> dict:
        """The configuration.

        :raises InputError: the folder is not a job.
        """
        if not self.config.is_file():
            raise InputError(f"{self.path} is not a job folder: it has no {self.config.name}.")
        return read_json(self.config)

    def log_end(self) -> str:
        """The last lines of the worker's log."""
        return end_of(self.log).decode("utf-8", "replace").strip()


class StatusReader:
    """Reads ``status.jsonl`` as it grows: every whole line once."""

    def __init__(self, path: Path):
        self.path, self._offset = path, 0

    def new_records(self) -> list[dict]:
        """The records since the last call; a line torn by a killed worker is passed over."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[:text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [record for line in whole.splitlines() if (record := _record(line)) is not None]


def last_record(path: Path) -> dict:
    """The last whole record of ``status.jsonl``, however long that is; empty where there is none."""
    lines = end_of(path).splitlines(keepends=True)
    records = (_record(line) for line in reversed(lines) if line.endswith(b"\n"))
    return next((record for record in records if record is not None), {})


def end_of(path: Path) -> bytes:
    """The last :data:`END_BYTES` of a file; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - END_BYTES))
            return file.read()
    except OSError:
        return b""


def _record(line: bytes) -> dict | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("phase"), str) else None


def write_json(path: Path, content: dict) -> None:
    """One object, whole or not at all."""
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """One object.

    :raises InputError: the file cannot be read or is not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} does not hold a JSON object.")
    return content
