"""How long the event loop stood still."""

import time

from PySide6 import QtCore

INTERVAL_MS = 10


class EventLoopGaps:
    """A 10 ms timer that notes the time between its ticks. `with EventLoopGaps() as gaps: ...`."""

    def __init__(self):
        self.gaps_ms, self._last, self._timer = [], 0.0, QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.PreciseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    def _tick(self):
        now = time.monotonic()
        self.gaps_ms.append(1000 * (now - self._last))
        self._last = now

    @property
    def longest_ms(self):
        """The longest gap, the one that is still open included."""
        return max([*self.gaps_ms, 1000 * (time.monotonic() - self._last)] if self._timer.isActive() else self.gaps_ms)

    def __enter__(self):
        self._last = time.monotonic()
        self._timer.start()
        return self

    def __exit__(self, *_):
        self._tick()  # a block that never returned to the event loop is one long gap
        self._timer.stop()
