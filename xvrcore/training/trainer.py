"""Training itself: one step after another, whose state can be saved at any of them and taken up again."""

import io
import math
import pickle
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

from xvrcore.errors import InputError, WorkError
from xvrcore.files import write_whole
from xvrcore.networks.poses import understood
from xvrcore.networks.regressor import PoseNetwork
from xvrcore.training.ahead import DrawnAhead
from xvrcore.training.clipping import clip_adaptively
from xvrcore.training.examples import Batch
from xvrcore.training.faults import is_out_of_memory
from xvrcore.training.memory import Memory, fitting
from xvrcore.training.muon import Muon
from xvrcore.training.settings import TrainingSettings
from xvrcore.training.slices import SlicedGradients
from xvrcore.training.team import ALONE, Team

LEAST_BATCH = 4
"""Images of one part of a batch, at once in memory: fewer teach nothing."""
LEAST_RATE = 0.005
"""Where the learning rate ends, as a share of its peak."""


class Trainer:
    """A network in training, put together from its parts.

    ``examples.draw(count, seed)`` gives a :class:`Batch`, ``loss(batch, poses)`` named terms (B,) of which "loss" is
    minimized. Everything random is drawn from the settings' seed, the part of the batch and the step's number, so that
    training taken up again goes on as if it had never been broken off, in one process or in several. No step waits for
    the device: figures are summed there until somebody asks for them.
    """

    def __init__(self, network: PoseNetwork, examples, loss: Callable[..., dict[str, torch.Tensor]],
                 settings: TrainingSettings, team: Team = ALONE):
        self.settings, self.examples, self.loss, self.team = settings, examples, loss, team
        self.network = network.to(device=settings.device, memory_format=torch.channels_last)
        self.network.train()
        self.parts = team.share(settings.groups)
        # threads may draw and learn side by side, if none needs the renderer or the device of another
        apart = settings.device == "cpu" and settings.loss == "fiducials"
        self._ahead = DrawnAhead(examples, apart)
        self._sliced = SlicedGradients(network, self._terms) if apart and team.size == 1 else None
        self.iteration, self.trained_s, self.batch = 0, 0.0, settings.batch
        self.optimizers = _optimizers(network, settings)
        self._model = team.together(network)
        self._sums: dict[str, torch.Tensor] = {}
        self._summed = 0

    @property
    def fraction(self) -> float:
        """How much of the budget is used up, 0..1."""
        if self.settings.iterations is not None:
            return min(1.0, self.iteration / self.settings.iterations)
        return min(1.0, self.trained_s / (60 * self.settings.minutes))

    def fit_into_memory(self, memory: Memory) -> str:
        """Shrink the batch to what there is memory for; what is to be said about it, nothing if all of it fits."""
        groups, wish = self.settings.groups, self.batch // self.settings.groups
        fits = int(self.team.least(fitting(memory, self._rehearse, wish, LEAST_BATCH)))
        if fits == wish:
            return ""
        wanted, self.batch = self.batch, groups * fits
        return f"Little memory is free: the batch is {self.batch} images, not {wanted}."

    def _rehearse(self, count: int) -> None:
        """A part of a step with so many images, of which nothing remains."""
        batch = self.examples.draw(count, (self.settings.seed, self.parts[0], self.iteration))
        with self._model.no_sync() if self.team.size > 1 else nullcontext():
            self.loss(batch, self._poses(batch))["loss"].mean().backward()
        self.network.zero_grad(set_to_none=True)

    def step(self) -> str:
        """One iteration; what is to be said about it, usually nothing. Halves the batch when memory runs out.

        :raises WorkError: not even a small batch fits.
        """
        began = time.perf_counter()
        said = ""
        try:
            self._learn()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if self.batch <= LEAST_BATCH * self.settings.groups or self.team.size > 1:
                raise WorkError(f"Not even {self.batch} images fit into memory; close other programs or give a "
                                "smaller batch.") from error
            self.batch //= 2
            said = f"Out of memory: the batch is now {self.batch} images."
            if self.settings.device.startswith("cuda"):
                torch.cuda.empty_cache()
        finally:
            self._ahead.wait()
        self.iteration += 1
        self.trained_s += time.perf_counter() - began
        return said

    def _learn(self) -> None:
        self.network.zero_grad(set_to_none=True)
        for number, part in enumerate(self.parts):
            batch = self._ahead.take(*self._wanted(number))
            self._ahead.begin(*self._wanted(number + 1))
            weights = batch.kept / batch.kept.sum().clamp_min(1) / len(self.parts)
            if self._sliced:
                figures = self._sliced.add(batch, weights)
            else:
                alone = self.team.size > 1 and part != self.parts[-1]
                with self._model.no_sync() if alone else nullcontext():
                    loss, figures = self._terms(batch, weights)
                    loss.backward()
            self._count({"kept": batch.kept.mean() / len(self.parts), **figures})
        self._summed += 1
        if self._sliced:
            self._sliced.alone(self._update)
        else:
            self._update()

    def _terms(self, batch: Batch, weights: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The weighted loss, and the weighted sum of each of its terms."""
        terms = self.loss(batch, self._poses(batch))
        figures = {name: (one * weights).sum() for name, one in terms.items()}
        return figures["loss"], {name: total.detach() for name, total in figures.items()}

    def _update(self) -> None:
        clip_adaptively(self.network.parameters(), self.settings.clipping)
        for optimizer, peak in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * self._rate()
            optimizer.step()

    def _wanted(self, number: int) -> tuple[int, tuple[int, int, int]]:
        """How many examples of which seed the part of this ``number`` is, counted from this iteration's first on."""
        later, own = divmod(number, len(self.parts))
        return self.batch // self.settings.groups, (self.settings.seed, self.parts[own], self.iteration + later)

    def _poses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotations and shifts that the network sees."""
        return understood(self.network.design, *self._model(batch.inputs.to(memory_format=torch.channels_last)))

    def _rate(self) -> float:
        """Share of the peak learning rate: a linear rise, then a cosine."""
        rise = min(1.0, (self.iteration + 1) / self.settings.warmup)
        return rise * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * self.fraction)))

    def _count(self, figures: dict[str, torch.Tensor]) -> None:
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0) + value

    def figures(self) -> dict[str, float]:
        """Means since the last call, of this process: the loss, its terms, and the kept share. Waits for the device."""
        found = {name: float(total) / self._summed for name, total in self._sums.items()}
        self._sums, self._summed = {}, 0
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
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.network.load_state_dict(state["network"])
            for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.iteration, self.trained_s = int(state["iteration"]), float(state["trained_s"])
            self.batch = int(state["batch"])
            return dict(state["extra"])
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, LookupError, ValueError, TypeError,
                AttributeError) as error:
            raise InputError(f"{path} cannot be gone on from ({error}); "
                             "begin a new job.") from error


def _optimizers(network: PoseNetwork, settings: TrainingSettings) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the hidden convolutions, if it has a rate, and Adam for all else, each with its peak learning rate."""
    hidden = [] if settings.hidden_rate is None else [
        parameter for parameter in network.backbone.parameters()
        if parameter.ndim == 4 and parameter.shape[1] > network.design.channels]
    chosen = {id(parameter) for parameter in hidden}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    adam = (torch.optim.AdamW(others, settings.learning_rate, weight_decay=1e-4), settings.learning_rate)
    return [(Muon(hidden, settings.hidden_rate), settings.hidden_rate), adam] if hidden else [adam]
