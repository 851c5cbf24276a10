"""How many images fit into the memory that is free, found before it runs out."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import torch

from xvrcore.training.faults import is_out_of_memory

USED_SHARE = 0.8
"""Of the free memory; the rest is left to the allocator's gaps, to the optimizer and to other programs."""
LOOK_S = 0.005
"""How often a CPU's memory is looked at, which keeps no account of its peak."""


@dataclass(frozen=True)
class Memory:
    """What this process holds of a device's memory, in bytes: the GPU's own, elsewhere the computer's."""

    device: str

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def used(self) -> int:
        return torch.cuda.memory_allocated(self.device) if self.on_gpu else psutil.Process().memory_info().rss

    def free(self) -> int:
        """What it could still take."""
        if not self.on_gpu:
            return psutil.virtual_memory().available
        with torch.cuda.device(self.device):    # older torch takes no device here whose index is left open
            return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - self.used()

    def peak_of(self, work: Callable[[], None]) -> int:
        """The most it holds while ``work()`` runs."""
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats(self.device)
            work()
            return torch.cuda.max_memory_allocated(self.device)
        seen, done = [self.used()], threading.Event()

        def watch():
            while not done.wait(LOOK_S):
                seen.append(self.used())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            work()
        finally:
            done.set()
            watcher.join()
        return max(*seen, self.used())


def fitting(memory: Memory, rehearse: Callable[[int], None], wish: int, least: int) -> int:
    """How many images there is memory for: up to ``wish``, but never below ``least``.

    ``rehearse(count)`` does with so many what training will do. What one image costs is the difference of two
    rehearsals of a few.
    """
    if wish <= least:
        return wish
    try:
        first, second = (memory.peak_of(lambda count=count: rehearse(count)) for count in (least, 2 * least))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return least
    each = max(second - first, 1) / least
    room = memory.used() + USED_SHARE * memory.free() - second
    return min(wish, max(least, 2 * least + int(room / each)))
