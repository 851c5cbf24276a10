"""Folders of results that are filled whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xvrcore.errors import InputError
from xvrcore.files import said_plainly


def require_writable(folder: Path) -> None:
    """Complain before the work rather than after it.

    :raises InputError: the folder, or the nearest folder above that exists, cannot be written to.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be written: {existing} is a file, not a folder; choose another path.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written: no permission to write in {existing}; choose another path.")


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A temporary folder whose files move into ``folder`` once the block has ended well.

    :raises InputError: there is no place, or no permission, to write.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with said_plainly(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".xvrcore-", dir=folder) as stage:
                yield Path(stage)
                for file in sorted(Path(stage).iterdir()):
                    file.replace(folder / file.name)
        except BaseException:
            for path in missing:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
            raise
