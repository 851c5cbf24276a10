"""Threads of the compiled kernels: how many, and that idle ones sleep."""

import os

from xvrcore.errors import InputError


def prepare_threads(count: int | None = None, spare: int = 0) -> None:
    """Call before the first kernel of a process that is ours: the command line, a worker.

    OpenMP's threads spin while they wait. Where other work shares the processor, each of our many short
    parallel loops then waits for a spinner's time slice: measured 3 ms a loop against 0.1 ms when they sleep.
    A person's own OMP_WAIT_POLICY outranks this.

    :param count: threads to use; ``None`` is every core this process may run on.
    :param spare: without ``count``: cores to leave to others, such as the window of this program.
    :raises InputError: fewer than one thread, or more than there are.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if count is None and not spare:
        return
    import numba

    most = numba.config.NUMBA_NUM_THREADS
    if count is None:
        count = max(1, min(most, (os.cpu_count() or 1) - spare))
    if not 1 <= count <= most:
        raise InputError(f"{count} threads are not possible here; choose 1 to {most}.")
    numba.set_num_threads(count)


def limit_torch(count: int | None) -> None:
    """Call before torch works, which takes seconds to load and therefore waits for those who need it.

    :param count: threads to use; ``None`` is every core this process may run on.
    """
    if count is not None:
        import torch
        torch.set_num_threads(count)
