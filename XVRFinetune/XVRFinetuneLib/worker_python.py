"""The Python that works in the background, and short commands run with it."""

import os
import shutil
import subprocess
import sys
import threading

import slicer

from XVRCommonLib import settings

PYTHON_KEY, GPUS_KEY = "XVR/python", "XVR/gpus"


def chosenPython():
    """What the user chose in Advanced; empty for Slicer's own."""
    return slicer.app.settings().value(PYTHON_KEY) or ""


def choosePython(path):
    slicer.app.settings().setValue(PYTHON_KEY, str(path))


def workerPython():
    return chosenPython() or shutil.which("PythonSlicer") or sys.executable


def knownGpus():
    """Names of the GPUs that the last check of this Python found; None if it was never checked."""
    return settings.load(GPUS_KEY, {}).get(workerPython())


def rememberGpus(names):
    settings.save(GPUS_KEY, {workerPython(): names})


def _environment():
    """Slicer's own for its Python, that from before Slicer's start for any other; xvrcore can be imported in both."""
    from xvrcore.jobs import worker_environment

    return worker_environment(os.environ if not chosenPython() else slicer.util.startupEnvironment())


class Command:
    """``python -m xvrcore …`` in a process of its own, which says little and ends soon; nothing here waits for it."""

    def __init__(self, words):
        """
        :raises OSError: the Python cannot be started.
        """
        options = {"start_new_session": True} if os.name == "posix" else \
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._process = subprocess.Popen([workerPython(), "-m", "xvrcore", *words], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                         errors="replace", env=_environment(), **options)
        self._texts = None

    def exitCode(self):
        """None while it runs."""
        return self._process.poll()

    def said(self):
        """Its standard output, once it has ended."""
        return self._read()[0]

    def complaint(self):
        """What it says is wrong, once it has ended, without the program's name."""
        lines = self._read()[1].strip().splitlines()
        return lines[-1].removeprefix("xvrcore: ") if lines else ""

    def _read(self):
        self._texts = self._texts or self._process.communicate()
        return self._texts

    def end(self):
        """Nobody wants to hear it any more: end it now."""
        with self._process:
            self._process.kill()

    def abandon(self):
        """Let it go on without us; it ends by itself within seconds, and is waited for so that nothing is left."""
        threading.Thread(target=self._process.communicate, name="XVRFinetune command", daemon=True).start()
