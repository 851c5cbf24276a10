"""Where results go."""

import os
from pathlib import Path

from xvrcore.errors import InputError


def require_writable(folder: Path) -> None:
    """Complain before the work rather than after it.

    :raises InputError: the folder, or the nearest folder above that exists, cannot be written to.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be written: {existing} is a file, not a folder; choose another path.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written: no permission to write in {existing}; choose another path.")
