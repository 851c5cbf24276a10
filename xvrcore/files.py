"""Files that appear whole or not at all, and what a person is told when they cannot."""

import errno
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xvrcore.errors import InputError

REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EACCES: "no permission to write there; choose a folder of yours",
    errno.EPERM: "no permission to write there; choose a folder of yours",
    errno.EROFS: "that disk is read-only; choose another place",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another path",
    errno.EEXIST: "a file of that name is in the way; choose another path",
    errno.EISDIR: "a folder of that name is in the way; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
PART = ".part"
"""Ends the name of a file that is not whole yet."""
READERS_S = 1.0
"""How long a reader may keep a file that is to be replaced."""


@contextmanager
def said_plainly(path: Path):
    """Turn an ``OSError`` while writing below ``path`` into an :class:`InputError` that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno, error.strerror or str(error))
        raise InputError(f"{path} cannot be written: {remedy}.") from error


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it, flush it to the disk, and rename it: never half a file.

    :raises InputError: the place cannot be written to, or is full.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    with said_plainly(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{secrets.token_hex(6)}{PART}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _rename(source: Path, target: Path) -> None:
    """Put a file in another's place, which Windows refuses for as long as somebody reads the old one."""
    deadline = time.monotonic() + (READERS_S if target.is_file() else 0)
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


@contextmanager
def staged(folder: str | Path, last: str = "") -> Iterator[Path]:
    """A temporary folder whose files move into ``folder`` once the block has ended well; else nothing changes.

    :param last: name of the file to move last, whose presence tells that the others are there.
    :raises InputError: there is no place, or no permission, to write.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with said_plainly(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".xvrcore-", dir=folder) as stage:
                yield Path(stage)
                for file in sorted(Path(stage).iterdir(), key=lambda file: (file.name == last, file.name)):
                    _rename(file, folder / file.name)
        except BaseException:
            for path in missing:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
            raise
