"""Training itself: one step after another, whose state can be saved at any of them and taken up again."""

import io
import math
import pickle
import time

import numpy as np
import torch

from xvrcore.errors import InputError, WorkError
from xvrcore.files import write_whole
from xvrcore.networks.poses import mean_distances, predicted
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.training.clipping import clip_adaptively
from xvrcore.training.examples import Examples
from xvrcore.training.muon import Muon
from xvrcore.training.settings import TrainingSettings

LEAST_BATCH = 4
LEAST_RATE = 0.005
"""Where the learning rate ends, as a share of its peak."""


class Trainer:
    """A network in training.

    Everything random is drawn from the settings' seed and the step's number, so that training taken up again goes
    on as if it had never been broken off.
    """

    def __init__(self, design: NetworkDesign, examples: Examples, points_ras: np.ndarray, settings: TrainingSettings):
        torch.manual_seed(settings.seed)
        self.settings, self.examples = settings, examples
        self.network = PoseNetwork(design)
        self.network.begin_at_identity()
        self.network.to(memory_format=torch.channels_last)
        self.optimizers = _optimizers(self.network, settings)
        self.points = torch.tensor(examples.relative.in_camera(points_ras), dtype=torch.float32)
        self.iteration, self.trained_s, self.batch = 0, 0.0, settings.batch
        self._losses, self._kept, self._summed = torch.zeros(()), torch.zeros(()), 0

    @property
    def fraction(self) -> float:
        """How much of the budget is used up, 0..1."""
        if self.settings.iterations is not None:
            return min(1.0, self.iteration / self.settings.iterations)
        return min(1.0, self.trained_s / (60 * self.settings.minutes))

    def step(self) -> str:
        """One iteration; what is to be said about it, usually nothing. Halves the batch when memory runs out.

        :raises WorkError: not even a small batch fits.
        """
        began = time.perf_counter()
        said = ""
        try:
            self._learn()
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if self.batch <= LEAST_BATCH:
                raise WorkError(f"Not even {self.batch} images fit into memory; close other programs.") from error
            self.batch //= 2
            said = f"Out of memory: the batch is now {self.batch} images."
        self.iteration += 1
        self.trained_s += time.perf_counter() - began
        return said

    def _learn(self) -> None:
        batch = self.examples.draw(self.batch, (self.settings.seed, 0, self.iteration))
        found = predicted(self.network, batch.inputs.to(memory_format=torch.channels_last))
        errors = mean_distances(self.points, found, (batch.rotations, batch.shifts))
        loss = (errors * batch.kept).sum() / batch.kept.sum().clamp_min(1)
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        clip_adaptively(self.network.parameters(), self.settings.clipping)
        for optimizer, peak in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * self._rate()
            optimizer.step()
        self._losses += loss.detach()
        self._kept += batch.kept.mean()
        self._summed += 1

    def _rate(self) -> float:
        """Share of the peak learning rate: a linear rise, then a cosine."""
        rise = min(1.0, (self.iteration + 1) / self.settings.warmup)
        return rise * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * self.fraction)))

    def figures(self) -> dict:
        """Mean loss (mm) and kept share since the last call."""
        count = max(self._summed, 1)
        found = {"loss": float(self._losses) / count, "kept": float(self._kept) / count}
        self._losses, self._kept, self._summed = torch.zeros(()), torch.zeros(()), 0
        return found

    def save(self, path, extra: dict) -> None:
        """Everything needed to go on, and ``extra`` plain figures, whole or not at all."""
        buffer = io.BytesIO()
        optimizers = [one.state_dict() for one, _ in self.optimizers]
        torch.save({"network": self.network.state_dict(), "optimizers": optimizers, "iteration": self.iteration,
                    "trained_s": self.trained_s, "batch": self.batch, "extra": extra}, buffer)
        write_whole(path, buffer.getvalue())

    def load(self, path) -> dict:
        """Go on from what :meth:`save` wrote; its ``extra``.

        :raises InputError: the file is not whole, or of another network.
        """
        try:
            state = torch.load(path, weights_only=True)
            self.network.load_state_dict(state["network"])
            for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.iteration, self.trained_s = int(state["iteration"]), float(state["trained_s"])
            self.batch = int(state["batch"])
            return dict(state["extra"])
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
            raise InputError(f"{path} cannot be gone on from ({error}); "
                             "begin a new job.") from error


def _optimizers(network: PoseNetwork, settings: TrainingSettings) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the hidden convolutions, Adam for all else, each with its peak learning rate."""
    hidden = [parameter for name, parameter in network.backbone.named_parameters()
              if parameter.ndim == 4 and parameter.shape[1] > network.design.channels]
    chosen = {id(parameter) for parameter in hidden}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    return [(Muon(hidden, settings.hidden_rate), settings.hidden_rate),
            (torch.optim.AdamW(others, settings.learning_rate, weight_decay=1e-4), settings.learning_rate)]


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "not enough memory" in str(error) or \
        "can't allocate memory" in str(error)
