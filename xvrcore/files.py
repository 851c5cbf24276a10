"""Files that appear whole or not at all, and what a person is told when they cannot."""

import errno
import os
import secrets
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
        temporary = path.with_name(f".{secrets.token_hex(6)}.part")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
