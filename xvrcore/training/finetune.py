"""Finetuning: a network for one patient, and what it is worth in the end."""

from dataclasses import dataclass, field

import torch

from xvrcore.camera import Intrinsics
from xvrcore.checkpoint import Checkpoint
from xvrcore.errors import InputError
from xvrcore.jobs.worker import Worker
from xvrcore.networks.frames import RelativeFrame, VolumeIdentity
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.segments import Segmentation
from xvrcore.training.examples import Examples, fiducials
from xvrcore.training.files import VIEWS
from xvrcore.training.parts import make_examples, make_loss, make_network, seen_intrinsics
from xvrcore.training.run import TrainingRun
from xvrcore.training.settings import TrainingSettings
from xvrcore.training.trainer import Trainer
from xvrcore.training.validation import Validation, validation_xrays
from xvrcore.training.verdict import verdict_on
from xvrcore.training.views import write_views

LEAST_KEPT = 0.5
"""A range of which fewer poses show the volume is refused before time is spent."""


@dataclass(frozen=True)
class Task:
    """What is to be learned: views of ``patient`` in a range, as the detector of an example X-ray sees them.

    ``start``: a network to go on from, its frame this patient's. ``segmentation``: for a loss that looks at segments.
    """

    patient: Patient = field(repr=False)
    pose_range: PoseRange
    example: Intrinsics
    settings: TrainingSettings
    start: Checkpoint | None = None
    segmentation: Segmentation | None = field(default=None, repr=False)


def finetune(worker: Worker, task: Task) -> dict:
    """Train in the worker's folder, from its saved state if there is one, until the budget ends or a stop is asked for.

    :return: the figures of the final report.
    :raises InputError: the range shows too little of the volume.
    :raises WorkError: the memory or the device failed.
    """
    trainer = make_trainer(task)
    examples = trainer.examples
    show_range(worker, examples, task.settings)
    frame = RelativeFrame(examples.relative, VolumeIdentity.of(task.patient.source))
    run = TrainingRun(worker, trainer, frame, lambda: _validation(worker, task, examples))
    run.train()
    figures = run.conclude()
    if worker.stop_requested:
        return figures
    verdict = verdict_on(worker, run.network, task.patient, run.validation)
    return figures | verdict | {"message": "; ".join(one["message"] for one in (figures, verdict) if one)}


def make_trainer(task: Task) -> Trainer:
    """The trainer of a task, before its first step."""
    settings, start = task.settings, task.start
    network = make_network(settings, start)
    relative = None if start is None else start.frame.poses(task.patient.source)
    examples = make_examples(task.patient, task.segmentation, task.pose_range,
                             seen_intrinsics(task.example, network.design, start), network.design, settings, relative)
    points = torch.tensor(examples.relative.in_camera(fiducials(task.patient)), dtype=torch.float32)
    return Trainer(network, examples, make_loss(settings, examples.intrinsics.sdd_mm, points), settings)


def _validation(worker: Worker, task: Task, examples: Examples) -> Validation | None:
    """The fixed unseen X-rays; None if a stop was asked for meanwhile."""
    xrays = made_with_progress(worker, examples, task.example, task.settings)
    return xrays and Validation(xrays, task.patient, examples.relative, examples.intrinsics)


def show_range(worker: Worker, examples: Examples, settings: TrainingSettings) -> None:
    """Say in words and in a picture what will be learned.

    :raises InputError: too few poses of the range show the volume.
    """
    kept = examples.kept_share()
    if kept < LEAST_KEPT:
        raise InputError(f"Only {kept:.0%} of the poses in this range show the volume; narrow the shifts or angles, or "
                         "check the X-ray's SDD and pixel spacing.")
    write_views(worker.folder.path / VIEWS, examples, settings.seed)
    worker.say("preparing", message=f"{examples.pose_range.in_words()} {kept:.0%} of the poses show the volume.")


def made_with_progress(worker: Worker, examples: Examples, example: Intrinsics,
                       settings: TrainingSettings) -> list | None:
    """The validation X-rays of a patient, each said as it is made; None if a stop was asked for meanwhile."""
    made, wanted = [], settings.validation_xrays
    xrays = validation_xrays(examples, example, wanted, settings.seed)
    while len(made) < wanted and not worker.stop_requested:
        made.append(next(xrays))
        worker.say("making validation X-rays", iteration=len(made), total=wanted)
    return made if len(made) == wanted else None
