"""The next batch is drawn on another thread while the network learns from this one."""

from concurrent.futures import Future, ThreadPoolExecutor

import numba
import torch

from xvrcore.training.examples import Batch


class DrawnAhead:
    """Batches of ``examples.draw(*wanted)``, the next one drawn from :meth:`begin` to :meth:`wait` if ``active``.

    Nothing else may render meanwhile: some of numba's thread pools serve only one thread at a time.
    """

    def __init__(self, examples, active: bool):
        self._examples, self._active = examples, active
        self._thread = ThreadPoolExecutor(1, "examples", _leave_threads, (numba.get_num_threads(),))
        self._coming: tuple[tuple, Future] | None = None

    def take(self, *wanted) -> Batch:
        """The batch, drawn now if it has not been drawn ahead.

        :raises MemoryError, RuntimeError: it does not fit into memory.
        """
        self.wait()
        coming, self._coming = self._coming, None
        return coming[1].result() if coming and coming[0] == wanted else self._examples.draw(*wanted)

    def begin(self, *wanted) -> None:
        if self._active:
            self._coming = wanted, self._thread.submit(self._examples.draw, *wanted)

    def wait(self) -> None:
        """Until nothing is being drawn; what went wrong is raised by :meth:`take`."""
        if self._coming:
            self._coming[1].exception()


def _leave_threads(count: int) -> None:
    """Let a thread that draws use half of ``count`` threads to render, and itself alone for all else: others learn."""
    numba.set_num_threads(max(1, count // 2))
    torch.set_num_threads(1)
