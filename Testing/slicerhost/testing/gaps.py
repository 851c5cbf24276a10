"""How long the event loop stood still, and how much of that was its own thread's work."""

import time

from PySide6 import QtCore

from .clock import own_time_s

INTERVAL_MS = 10


class EventLoopGaps:
    """A 10 ms timer that notes the time between its ticks. `with EventLoopGaps() as gaps: ...`.

    `longest_ms` is what a user notices, on the clock `own_time_s`; `longest_busy_ms` counts the main thread's processor
    time alone, so that other work on the machine does not add to it.
    """

    def __init__(self):
        self.gaps_ms, self.busy_ms, self._last, self._last_busy = [], [], 0.0, 0.0
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.PreciseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def _tick(self):
        now, busy = own_time_s(), time.thread_time()
        self.gaps_ms.append(1000 * (now - self._last))
        self.busy_ms.append(1000 * (busy - self._last_busy))
        self._last, self._last_busy = now, busy

    @property
    def longest_ms(self):
        """The longest gap, the one that is still open included."""
        return max([*self.gaps_ms, 1000 * (own_time_s() - self._last)] if self._timer.isActive() else self.gaps_ms)

    @property
    def longest_busy_ms(self):
        return max(self.busy_ms)

    def __enter__(self):
        self._last, self._last_busy = own_time_s(), time.thread_time()
        self._timer.start()
        return self

    def __exit__(self, *_):
        self._tick()  # a block that never returned to the event loop is one long gap
        self._timer.stop()
