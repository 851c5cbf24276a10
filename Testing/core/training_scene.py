"""What tests of training share: a small patient on disk, a range, an example detector, and jobs that run there."""

import json
import os
import time
from pathlib import Path

import numpy as np
import torch

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Intrinsics
from xvrcore.cli import main
from xvrcore.jobs import JobFolder, state_of
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.training.trainer import Trainer
from xvrcore.volume_io import read_volume

EXAMPLE = Intrinsics(1000.0, (6.0, 6.0), (31.5, 31.5), 64, 64)
RANGE = PoseRange((-20, 20), (-20, 20), (-20, 20), (-30, 30), (-30, 30), (600, 700))
DETECTOR = ("--sdd-mm", "1000", "--pixel-spacing-mm", "6", "--size-px", "64", "64")
"""The command line's words for the same detector."""
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
PATIENCE_S = 240.0


def patient_at(path: Path) -> Patient:
    volume = read_volume(path)
    return Patient(attenuation_from_ct(volume), volume, "joseph")


def weights_of(trainer: Trainer) -> np.ndarray:
    return torch.cat([p.detach().cpu().flatten() for p in trainer.network.parameters()]).numpy()


def begin(ct: Path, folder: Path, iterations: int, *more: str) -> JobFolder:
    """A finetuning job in the background."""
    assert main(["finetune", "--job", str(folder), "--volume", str(ct), *DETECTOR, "--iterations", str(iterations),
                 "--batch", "4", "--validation-xrays", "1", "--threads", "1", "--detach", "--profile", "cpu",
                 *more]) == 0
    return JobFolder(folder)


def prepared(ct: Path, folder: Path, iterations: int, *more: str) -> JobFolder:
    """The job that :func:`begin` makes, before any worker is at it."""
    job = JobFolder(folder)
    from xvrcore.cli import training_options
    launch, training_options.launch = training_options.launch, lambda path: None
    try:
        begin(ct, folder, iterations, *more)
    finally:
        training_options.launch = launch
    return job


def wait_for(job: JobFolder, happened):
    """The job's state once something has happened to it."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened(state_of(job.path)):
        assert time.monotonic() < deadline, job.log_end()
        time.sleep(0.02)
    return state_of(job.path)


def result_of(job: JobFolder) -> dict:
    return json.loads(job.result.read_text())
