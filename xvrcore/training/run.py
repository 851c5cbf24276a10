"""Training as a job: train, tell the status, validate, save, and stop when asked."""

import time
from collections.abc import Callable
from dataclasses import asdict, fields

import psutil

from xvrcore.checkpoint import Checkpoint, write_checkpoint
from xvrcore.jobs.worker import Worker
from xvrcore.networks.frames import AgnosticFrame, RelativeFrame
from xvrcore.pose_file import software_versions
from xvrcore.training.faults import device_faults
from xvrcore.training.files import NETWORK, SAMPLES, STATE
from xvrcore.training.memory import Memory
from xvrcore.training.samples import write_samples
from xvrcore.training.trainer import Trainer
from xvrcore.training.validation import Errors, Validation

STATUS_S = 1.0
SAVE_S = 15.0
VALIDATE_S = 60.0
VALIDATIONS = 10
"""Of a run whose budget is iterations."""


class TrainingRun:
    """One worker's training, taken up from the folder's saved state if there is one.

    Of a team, the leader alone validates, writes and is told to stop; ``make_validation`` is called there only.
    """

    def __init__(self, worker: Worker, trainer: Trainer, frame: RelativeFrame | AgnosticFrame,
                 make_validation: Callable[[], Validation | None]):
        self.worker, self.trainer, self.frame = worker, trainer, frame
        self.settings, self.leads = trainer.settings, trainer.team.rank == 0
        self.state, self.network = worker.folder.path / STATE, worker.folder.path / NETWORK
        self.history: list[dict] = []
        self.unimproved = 0
        if self.state.is_file():
            extra = trainer.load(self.state)
            self.history, self.unimproved = list(extra["history"]), int(extra["unimproved"])
            worker.say("resumed", iteration=trainer.iteration, message=f"from iteration {trainer.iteration}")
        with device_faults(self.settings.device):
            if said := trainer.fit_into_memory(Memory(self.settings.device)):
                worker.say("preparing", message=said)
        self.validation = make_validation() if self.leads else None
        self.told = self.saved = time.monotonic()
        self.seen_iteration, self.seen_at = trainer.iteration, time.monotonic()

    def train(self) -> None:
        """Until the budget ends, nothing improves any more, or a stop is asked for.

        :raises WorkError: the device failed.
        """
        with device_faults(self.settings.device):
            while not self._over():
                said = self.trainer.step()
                if self.leads:
                    self._attend(said)

    def conclude(self) -> dict:
        """Validate and save what training ended with; the figures of the result."""
        if not self.leads:
            return {}
        with device_faults(self.settings.device):
            if self.validation and (not self.history or self.history[-1]["iteration"] != self.trainer.iteration):
                self._validate()
            self._save()
        best = self.best
        return {"network": str(self.network), "iterations": self.trainer.iteration,
                "trained_s": self.trainer.trained_s, "batch": self.trainer.batch, "validation": self.history,
                "best": best,
                "message": "stopped before training began" if best is None else _errors(best).in_words}

    @property
    def best(self) -> dict | None:
        """The best validation so far."""
        return min(self.history, key=lambda one: one["mean_mm"]) if self.history else None

    def _over(self) -> bool:
        """As the leader sees it, whose clock also counts for all."""
        over = self.trainer.fraction >= 1 or self.unimproved >= self.settings.patience or \
            self.worker.stop_requested or (self.leads and self.validation is None)
        over, self.trainer.trained_s = self.trainer.team.agreed(over, self.trainer.trained_s)
        return bool(over)

    def _attend(self, said: str) -> None:
        """What is due after an iteration."""
        now = time.monotonic()
        if said or now - self.told >= STATUS_S:
            self._tell(said)
        if self._validation_due():
            self._validate()
        if now - self.saved >= SAVE_S:
            self._save()

    def _validation_due(self) -> bool:
        iterations = self.settings.iterations
        if iterations is not None:
            return self.trainer.iteration % max(1, iterations // VALIDATIONS) == 0
        last = self.history[-1]["trained_s"] if self.history else 0.0
        return self.trainer.trained_s - last >= VALIDATE_S

    def _validate(self) -> None:
        """Measure the network, and keep it if it is the best so far."""
        poses = self.validation.poses_seen_by(self.trainer.network)
        mtre_mm = self.validation.mtre_of_poses(poses)
        errors = Errors.of(mtre_mm)
        best = self.best
        figures = {"iteration": self.trainer.iteration, **asdict(errors)}
        self.history.append({"trained_s": self.trainer.trained_s, **figures})
        improved = best is None or errors.mean_mm < best["mean_mm"]
        self.unimproved = 0 if improved else self.unimproved + 1
        if improved:
            write_checkpoint(self.network, self._checkpoint())
        write_samples(self.worker.folder.path / SAMPLES, self.validation, poses, mtre_mm)
        self.worker.say("validation", **figures, best=improved, message=errors.in_words)
        self._save()

    def _save(self) -> None:
        self.trainer.save(self.state, {"history": self.history, "unimproved": self.unimproved})
        self.saved = time.monotonic()

    def _checkpoint(self) -> Checkpoint:
        examples, network = self.trainer.examples, self.trainer.network
        record = {"settings": self.settings.as_dict(), "pose_range": examples.pose_range.as_dict(),
                  "versions": software_versions(), "validation": self.history[-1]}
        return Checkpoint(network.design, examples.intrinsics, self.frame, network.state_dict(), record)

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


def _errors(record: dict) -> Errors:
    """What a record of the history says."""
    return Errors(*(record[one.name] for one in fields(Errors)))
