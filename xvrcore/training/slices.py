"""Gradients of a small network on the CPU: each thread learns from a slice of the batch of its own.

Torch would share out every layer instead, and its threads would wait for each other longer than a small layer takes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import torch

SLICE = 16
"""Images; fixed, so that the sums, and with them the training, are the same whatever the number of threads."""

Terms = Callable[[object, torch.Tensor], tuple[torch.Tensor, dict[str, torch.Tensor]]]
"""From a batch and its weights (B,) to the weighted loss and figures to be summed."""


class SlicedGradients:
    """Threads, as many as torch has for a layer, each of them for itself."""

    def __init__(self, network: torch.nn.Module, terms: Terms):
        self._parameters, self._terms = list(network.parameters()), terms
        self._threads = ThreadPoolExecutor(torch.get_num_threads(), "slice", torch.set_num_threads, (1,))

    def add(self, batch, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        """Add the gradients of the weighted loss to the parameters'; the sums of the figures.

        :raises MemoryError, RuntimeError: it does not fit into memory.
        """
        slices = [slice(first, first + SLICE) for first in range(0, len(weights), SLICE)]
        working = [self._threads.submit(self._learned, batch.cut(part), weights[part]) for part in slices]
        wait(working)
        gradients, figures = zip(*(one.result() for one in working), strict=True)
        for parameter, *parts in zip(self._parameters, *gradients, strict=True):
            before = [] if parameter.grad is None else [parameter.grad]
            parameter.grad = torch.stack([*before, *parts]).sum(0)
        return {name: sum(one[name] for one in figures) for name in figures[0]}

    def alone(self, work: Callable[[], None]) -> None:
        """Do what is too small to be shared on one of the threads."""
        self._threads.submit(work).result()

    def _learned(self, batch, weights: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
        loss, figures = self._terms(batch, weights)
        return torch.autograd.grad(loss, self._parameters), figures
