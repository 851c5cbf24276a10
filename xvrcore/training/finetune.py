"""Finetuning as a job: train, tell the status, save, validate, stop when asked, and judge the network at the end."""

import time
from dataclasses import dataclass, field

import psutil

from xvrcore.camera import Intrinsics
from xvrcore.checkpoint import Checkpoint, write_checkpoint
from xvrcore.errors import InputError
from xvrcore.jobs.worker import Worker
from xvrcore.networks.frames import RelativeFrame, VolumeIdentity
from xvrcore.networks.inputs import network_intrinsics
from xvrcore.networks.ranges import PoseRange
from xvrcore.networks.regressor import NetworkDesign
from xvrcore.patient import Patient
from xvrcore.pose_file import software_versions
from xvrcore.training.examples import Examples, fiducials
from xvrcore.training.files import NETWORK, STATE, VIEWS
from xvrcore.training.settings import TrainingSettings
from xvrcore.training.trainer import Trainer
from xvrcore.training.validation import Errors, Validation, validation_xrays
from xvrcore.training.verdict import verdict_on
from xvrcore.training.views import write_views

STATUS_S = 1.0
SAVE_S = 15.0
VALIDATE_S = 60.0
VALIDATIONS = 10
"""Of a run whose budget is iterations."""
LEAST_KEPT = 0.5
"""A range of which fewer poses show the volume is refused before time is spent."""
CHANNELS = 2


@dataclass(frozen=True)
class Task:
    """What is to be learned: views of ``patient`` in a range, as the detector of an example X-ray sees them."""

    patient: Patient = field(repr=False)
    pose_range: PoseRange
    example: Intrinsics
    settings: TrainingSettings

    @property
    def design(self) -> NetworkDesign:
        settings = self.settings
        return NetworkDesign(settings.network, CHANNELS, settings.size, settings.parameterization, settings.unit_mm)


def finetune(worker: Worker, task: Task) -> dict:
    """Train in the worker's folder, from its saved state if there is one, until the budget ends or a stop is asked for.

    :return: the figures of the final report.
    :raises InputError: the range shows too little of the volume.
    """
    examples, trainer = _prepared(task)
    kept = examples.kept_share()
    if kept < LEAST_KEPT:
        raise InputError(f"Only {kept:.0%} of the poses in this range show the volume; narrow the shifts or angles, or "
                         "check the X-ray's SDD and pixel spacing.")
    write_views(worker.folder.path / VIEWS, examples, task.settings.seed)
    worker.say("preparing", message=f"{task.pose_range.in_words()} {kept:.0%} of the poses show the volume.")
    validation = _validation(worker, task, examples)
    if worker.stop_requested:
        return {"message": "stopped before training began"}
    run = _Run(worker, task, trainer, validation)
    run.train()
    return run.conclude()


def _prepared(task: Task) -> tuple[Examples, Trainer]:
    settings = task.settings
    examples = Examples(task.patient, task.pose_range, network_intrinsics(task.example, settings.size),
                        settings.appearance, CHANNELS)
    return examples, Trainer(task.design, examples, fiducials(task.patient), settings)


def _validation(worker: Worker, task: Task, examples: Examples) -> Validation | None:
    """The fixed unseen X-rays; None if a stop was asked for meanwhile."""
    made, wanted = [], task.settings.validation_xrays
    for one in validation_xrays(task.patient.source, task.pose_range, task.example, wanted, task.settings.seed):
        made.append(one)
        worker.say("making validation X-rays", iteration=len(made), total=wanted)
        if worker.stop_requested:
            return None
    return Validation(made, examples.relative, fiducials(task.patient), examples.intrinsics)


class _Run:
    """The state of one worker's training."""

    def __init__(self, worker: Worker, task: Task, trainer: Trainer, validation: Validation):
        self.worker, self.task, self.trainer, self.validation = worker, task, trainer, validation
        self.state, self.network = worker.folder.path / STATE, worker.folder.path / NETWORK
        self.history: list[dict] = []
        self.unimproved = 0
        if self.state.is_file():
            extra = trainer.load(self.state)
            self.history, self.unimproved = list(extra["history"]), int(extra["unimproved"])
            worker.say("resumed", iteration=trainer.iteration, message=f"from iteration {trainer.iteration}")
        self.told = self.saved = time.monotonic()
        self.seen_iteration, self.seen_at = trainer.iteration, time.monotonic()

    def train(self) -> None:
        trainer = self.trainer
        while trainer.fraction < 1 and self.unimproved < self.task.settings.patience:
            said = trainer.step()
            now = time.monotonic()
            if said or now - self.told >= STATUS_S:
                self._tell(said)
            if self._validation_due():
                self._validate()
            if now - self.saved >= SAVE_S:
                self._save()
            if self.worker.stop_requested:
                break

    def conclude(self) -> dict:
        """Validate and save what training ended with; unless it was stopped, judge the best network as well."""
        if not self.history or self.history[-1]["iteration"] != self.trainer.iteration:
            self._validate()
        self._save()
        best = self._best()
        figures = {"network": str(self.network), "iterations": self.trainer.iteration,
                   "trained_s": self.trainer.trained_s, "batch": self.trainer.batch, "validation": self.history,
                   "message": f"median error {best['median_mm']:.1f} mm, 90th percentile {best['p90_mm']:.1f} mm"}
        if self.worker.stop_requested:
            return figures
        verdict = verdict_on(self.worker, self.network, self.task.patient, self.task.pose_range, self.validation)
        return figures | verdict

    def _validation_due(self) -> bool:
        iterations = self.task.settings.iterations
        if iterations is not None:
            return self.trainer.iteration % max(1, iterations // VALIDATIONS) == 0
        last = self.history[-1]["trained_s"] if self.history else 0.0
        return self.trainer.trained_s - last >= VALIDATE_S

    def _validate(self) -> None:
        """Measure the network, and keep it if it is the best so far."""
        errors = Errors.of(self.validation.mtre_mm(self.trainer.network))
        best = self._best()
        self.history.append({"iteration": self.trainer.iteration, "trained_s": self.trainer.trained_s,
                             "median_mm": errors.median_mm, "p90_mm": errors.p90_mm})
        improved = best is None or errors.median_mm < best["median_mm"]
        self.unimproved = 0 if improved else self.unimproved + 1
        if improved:
            write_checkpoint(self.network, self._checkpoint())
        self.worker.say("validation", iteration=self.trainer.iteration, median_mm=errors.median_mm,
                        p90_mm=errors.p90_mm, best=improved)
        self._save()

    def _save(self) -> None:
        self.trainer.save(self.state, {"history": self.history, "unimproved": self.unimproved})
        self.saved = time.monotonic()

    def _best(self) -> dict | None:
        return min(self.history, key=lambda one: one["median_mm"]) if self.history else None

    def _checkpoint(self) -> Checkpoint:
        record = {"settings": self.task.settings.as_dict(), "versions": software_versions(),
                  "validation": self.history[-1]}
        return Checkpoint(self.trainer.network.design, self.trainer.examples.intrinsics,
                          RelativeFrame(self.trainer.examples.relative, VolumeIdentity.of(self.task.patient.source)),
                          self.trainer.network.state_dict(), record)

    def _tell(self, said: str) -> None:
        trainer, now = self.trainer, time.monotonic()
        rate = (trainer.iteration - self.seen_iteration) / max(now - self.seen_at, 1e-6)
        self.told = self.seen_at = now
        self.seen_iteration = trainer.iteration
        used = max(trainer.fraction, 1e-6)
        self.worker.say("training", iteration=trainer.iteration, total=round(trainer.iteration / used),
                        fraction=trainer.fraction, **trainer.figures(), samples_per_s=rate * trainer.batch,
                        eta_s=trainer.trained_s * (1 - used) / used,
                        memory_mb=psutil.Process().memory_info().rss / 2 ** 20, message=said)

