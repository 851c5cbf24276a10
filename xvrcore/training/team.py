"""Processes that train one network together, as torchrun starts them; one process alone is a team of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from xvrcore.errors import InputError


@dataclass(frozen=True)
class Team:
    """This process's number among ``size`` ones, and on its own machine; number 0 leads."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def share(self, groups: int) -> range:
        """The numbers of those parts of each batch that this process draws.

        :raises InputError: the parts cannot be shared out evenly.
        """
        if groups % self.size:
            raise InputError(f"{groups} parts of a batch cannot be shared by {self.size} processes; "
                             "give --groups a multiple of their number.")
        return range(self.rank, groups, self.size)

    def device(self, device: str) -> str:
        """The device of this process."""
        return f"cuda:{self.local_rank}" if device == "cuda" and self.size > 1 else device

    def together(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with its gradients averaged over the team."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def agreed(self, *numbers: float) -> tuple[float, ...]:
        """The leader's numbers, in every process. They travel beside the device, whose work goes on."""
        if self.size == 1:
            return numbers
        shared = torch.tensor(numbers, dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return tuple(shared.tolist())

    def least(self, number: float) -> float:
        """The least of all processes' numbers."""
        if self.size == 1:
            return number
        shared = torch.tensor(number, dtype=torch.float64)
        distributed.all_reduce(shared, distributed.ReduceOp.MIN)
        return float(shared)


ALONE = Team()


def is_team() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


def is_leader() -> bool:
    """Whether this process leads, known before the team has met."""
    return int(os.environ.get("RANK", 0)) == 0


@contextmanager
def assembled() -> Iterator[Team]:
    """The team that the environment names (RANK, WORLD_SIZE, LOCAL_RANK), for as long as the block lasts."""
    if not is_team():
        yield ALONE
        return
    on_gpu = torch.cuda.is_available() and distributed.is_nccl_available()
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    local_rank = int(os.environ.get("LOCAL_RANK", 0))
    if local_rank < torch.cuda.device_count():
        torch.cuda.set_device(local_rank)   # else every process would also take memory of the first GPU
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size(), local_rank)
    finally:
        distributed.destroy_process_group()
