"""The networks that are offered: those trained here first, then files that were chosen before."""

import json
from pathlib import Path

import slicer

from XVRCommonLib.job_list import recentNetworks

FILES_KEY = "XVR/networkFiles"
MOST_FILES = 10


def networks():
    """Paths of files that are there, each once."""
    return [path for path in dict.fromkeys((*recentNetworks(), *_files())) if path.is_file()]


def remember(path):
    """Offer a file from elsewhere next time too."""
    paths = dict.fromkeys((str(path), *map(str, _files())))
    slicer.app.settings().setValue(FILES_KEY, json.dumps(list(paths)[:MOST_FILES]))


def _files():
    return [Path(one) for one in json.loads(slicer.app.settings().value(FILES_KEY) or "[]")]
