"""Pretraining: a network for no patient in particular, from the volumes of many."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import torch

from xvrcore.camera import Intrinsics
from xvrcore.jobs.worker import Worker
from xvrcore.networks.frames import AgnosticFrame
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.segments import Segmentation
from xvrcore.training.cohort import Cohort, Member
from xvrcore.training.finetune import made_with_progress, show_range
from xvrcore.training.parts import make_examples, make_loss, make_network, seen_intrinsics
from xvrcore.training.run import TrainingRun
from xvrcore.training.settings import TrainingSettings
from xvrcore.training.team import ALONE, Team
from xvrcore.training.trainer import Trainer
from xvrcore.training.validation import Validation

LEAST_LEARNED = 2
"""Of fewer volumes none is held out; the one that judges the network is then one it learned from."""
CUBE_MM = 100.0
"""Errors are measured over the corners of a cube of this side about the middle of each volume."""


@dataclass(frozen=True)
class PretrainingTask:
    """What is to be learned: views of many patients in a range, as the detector of an example X-ray sees them.

    ``prepare(member)`` reads one patient; ``smallest_part`` as in :class:`Cohort`.
    """

    members: tuple[Member, ...]
    prepare: Callable[[Member], tuple[Patient, Segmentation | None]]
    pose_range: PoseRange
    example: Intrinsics
    settings: TrainingSettings
    smallest_part: float = 1.0

    @property
    def learned(self) -> tuple[Member, ...]:
        """Those learned from: all but the last, which judges, if enough are left."""
        return self.members[:-1] if len(self.members) > LEAST_LEARNED else self.members


def pretrain(worker: Worker, task: PretrainingTask, team: Team = ALONE) -> dict:
    """As :func:`xvrcore.training.finetune.finetune`, of many patients, by one process or a team of them."""
    trainer = make_trainer(task, team)
    worker.say("preparing", message=f"{len(task.learned)} volumes to learn from, {task.members[-1].volume.name} to "
                                    f"judge by, {team.size} processes.")
    run = TrainingRun(worker, trainer, AgnosticFrame(task.pose_range), lambda: _validation(worker, task, trainer))
    run.train()
    return run.conclude()


def make_trainer(task: PretrainingTask, team: Team = ALONE) -> Trainer:
    """The trainer of a task, before its first step."""
    settings = replace(task.settings, device=team.device(task.settings.device))
    network = make_network(settings)
    intrinsics = seen_intrinsics(task.example, network.design)

    def examples_of(patient: Patient, segmentation: Segmentation | None):
        return make_examples(patient, segmentation, task.pose_range, intrinsics, network.design, settings)

    cohort = Cohort(task.learned, task.prepare, examples_of, task.pose_range, intrinsics, task.smallest_part)
    corners = torch.tensor(list(product((-CUBE_MM / 2, CUBE_MM / 2), repeat=3)), dtype=torch.float32)
    return Trainer(network, cohort, make_loss(settings, intrinsics.sdd_mm, corners), settings, team)


def _validation(worker: Worker, task: PretrainingTask, trainer: Trainer) -> Validation | None:
    """The fixed unseen X-rays of the last volume; None if a stop was asked for meanwhile."""
    patient, segmentation = task.prepare(task.members[-1])
    examples = trainer.examples.examples_of(patient, segmentation)
    show_range(worker, examples, task.settings)
    xrays = made_with_progress(worker, examples, task.example, task.settings)
    return xrays and Validation(xrays, patient, examples.relative, examples.intrinsics)
