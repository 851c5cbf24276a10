"""Time as it passes for the window: without what other programs on the machine take."""

import time
from pathlib import Path

SCHEDSTAT = Path("/proc/thread-self/schedstat")


def own_time_s():
    """Seconds on a clock that stands still while the calling thread is ready but another has its processor.

    Waiting for Python's lock, for a renderer or for a file counts. Without /proc it is the plain clock.
    """
    return time.monotonic() - _kept_waiting_s()


def _kept_waiting_s():
    try:
        return int(SCHEDSTAT.read_text().split()[1]) * 1e-9
    except OSError:
        return 0.0
