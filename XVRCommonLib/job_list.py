"""The training jobs that this user began or opened: their folders are kept in the application's settings."""

from pathlib import Path

import qt
import slicer

from xvrcore.training.files import NETWORK

from . import settings

JOBS_KEY, ROOT_KEY = "XVR/jobs", "XVR/jobsFolder"
CONFIG = "config.json"
"""What makes a folder a job's."""


def rootFolder():
    """Where new jobs go, and where any job is found."""
    documents = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
    return Path(slicer.app.settings().value(ROOT_KEY) or str(Path(documents) / "XVR"))


def setRootFolder(path):
    slicer.app.settings().setValue(ROOT_KEY, str(path))


def remember(path):
    """Keep the folder of a job that lies elsewhere than in the root folder."""
    settings.save(JOBS_KEY, [str(path), *(one for one in _remembered() if one != str(path))])


def forget(path):
    settings.save(JOBS_KEY, [one for one in _remembered() if one != str(path)])


def jobFolders():
    """The jobs that are still there, those begun last first."""
    found = {*rootFolder().glob(f"*/{CONFIG}"), *(Path(one) / CONFIG for one in _remembered())}
    return _newestFirst(found)


def recentNetworks():
    """Files of all networks that were trained here, the newest first."""
    return [folder / NETWORK for folder in _newestFirst(folder / NETWORK for folder in jobFolders())]


def _newestFirst(files):
    """The folders of those files that exist."""
    times = {file.parent: file.stat().st_mtime for file in files if file.is_file()}
    return sorted(times, key=times.get, reverse=True)


def _remembered():
    return settings.load(JOBS_KEY, [])
