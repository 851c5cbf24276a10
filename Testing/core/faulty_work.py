"""Workers that something happens to: :func:`work` at its ``when``-th step or save, :func:`work_on_a_small_disk` twice.

Faults: ``killed`` (at a step), ``killed-writing`` and ``killed-renaming`` (in a save), ``disk-full`` (from a save on),
``memory-full`` (batches above 4), ``device-lost``, ``deaf`` (hangs, with a child process). Others happen outside.
The network is not judged in the end, which takes longer than all the rest.
"""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import torch

from xvrcore.cli.jobs import work_in
from xvrcore.jobs import JobFolder
from xvrcore.training import finetune
from xvrcore.training.trainer import Trainer

NEW_MOUNTS = 0x20000
"""Linux's CLONE_NEWNS."""
SMALL_FILE_BYTES = 1 << 16
PLENTY_KIB = 1 << 20


def die(*_):
    psutil.Process().kill()


def at(when: int, happens, otherwise):
    """Call ``otherwise``, but at the ``when``-th call and later ``happens``."""
    count = 0

    def called(*arguments):
        nonlocal count
        count += 1
        return happens(*arguments) if count >= when else otherwise(*arguments)
    return called


def fill_disk(sync):
    """Room for small files only, as where the worker has just given its reserve back."""
    def full(number):
        if os.fstat(number).st_size > SMALL_FILE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)
    return full


def fill_memory(learn):
    def crowded(self):
        if self.batch > 4:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return learn(self)
    return crowded


def lose_device(*_):
    raise getattr(torch, "AcceleratorError", RuntimeError)("CUDA error: unspecified launch failure\nmore of it")


def hang(*_):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    time.sleep(600)


def arrange(fault: str, when: int) -> None:
    learn, save = Trainer._learn, Trainer.save
    if fault == "killed":
        Trainer._learn = at(when, die, learn)
    elif fault in ("killed-writing", "killed-renaming", "disk-full"):
        def faulty(*arguments):
            Trainer.save = save
            if fault == "killed-renaming":
                Path.replace = die
            else:
                os.fsync = die if fault == "killed-writing" else fill_disk(os.fsync)
            return save(*arguments)
        Trainer.save = at(when, faulty, save)
    elif fault == "memory-full":
        Trainer._learn = at(when, fill_memory(learn), learn)
    elif fault in ("device-lost", "deaf"):
        Trainer._learn = at(when, lose_device if fault == "device-lost" else hang, learn)


def work(folder: Path, fault: str, when: int) -> None:
    """A worker's life, in a process of its own."""
    speak_into(JobFolder(folder).log)
    arrange(fault, when)
    sys.exit(work_in(folder))


def speak_into(log: Path) -> None:
    """All that this process says goes there, and networks are not judged."""
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(said, sys.__stdout__.fileno())
    os.dup2(said, sys.__stderr__.fileno())
    finetune.verdict_on = lambda *_: {}


def work_on_a_small_disk(job: Path, kind: str, kibibytes: int) -> None:
    """A worker where little can be written, then, once there is room, another; ``.full`` and ``.roomy`` beside the
    folder are what each leaves. ``kind``: "tmpfs" (a disk of that size) or "RLIMIT_FSIZE" (no file is larger)."""
    speak_into(job.with_suffix(".log"))
    disk = SmallTmpfs(job) if kind == "tmpfs" else LimitedFiles()
    disk.resize(kibibytes)
    work_in(job)
    disk.resize(PLENTY_KIB)
    shutil.copytree(job, job.with_suffix(".full"))
    work_in(job)
    shutil.copytree(job, job.with_suffix(".roomy"))


class SmallTmpfs:
    """A real disk in memory, mounted over a job's folder for this process alone."""

    def __init__(self, folder: Path):
        self.folder = folder
        mount_for_itself_alone()
        config = JobFolder(folder).config.read_bytes()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
        JobFolder(folder).config.write_bytes(config)

    def resize(self, kibibytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kibibytes}k", str(self.folder)], check=True)


class LimitedFiles:
    """A limit to the size of every file that this process writes."""

    def resize(self, kibibytes: int) -> None:
        import resource
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, most))


def mount_for_itself_alone() -> None:
    """From here on what this process mounts is seen by nobody else."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def small_disks() -> list[str]:
    """The kinds of :func:`work_on_a_small_disk` that this computer lets this person make; Windows knows none."""
    may_mount = shutil.which("unshare") and subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", tempfile.gettempdir()], capture_output=True,
        check=False).returncode == 0
    return [*(["tmpfs"] if may_mount else []), *(["RLIMIT_FSIZE"] if os.name == "posix" else [])]
