"""A worker that something happens to: ``python faulty_work.py DIR FAULT WHEN``, at its WHEN-th step or save.

Faults: ``killed`` (at a step), ``killed-writing`` and ``killed-renaming`` (in a save), ``disk-full`` and ``file-limit``
(from a save on), ``memory-full`` (batches above 4), ``device-lost``, ``deaf`` (hangs, with a child process). Others
happen outside. The network is not judged in the end, which takes longer than all the rest.
"""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import torch

from xvrcore.cli.jobs import work_in
from xvrcore.training import finetune
from xvrcore.training.trainer import Trainer

SMALL_FILE_BYTES = 1 << 16


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


def limit_files(save):
    def limited(*arguments):
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return save(*arguments)
    return limited


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
    elif fault == "file-limit":
        Trainer.save = at(when, limit_files(save), save)
    elif fault == "memory-full":
        Trainer._learn = at(when, fill_memory(learn), learn)
    elif fault in ("device-lost", "deaf"):
        Trainer._learn = at(when, lose_device if fault == "device-lost" else hang, learn)


if __name__ == "__main__":
    arrange(sys.argv[2], int(sys.argv[3]))
    finetune.verdict_on = lambda *_: {}
    sys.exit(work_in(Path(sys.argv[1])))
