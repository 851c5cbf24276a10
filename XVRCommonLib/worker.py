"""One thread for all computing, so that the window stays responsive and compiled kernels never run twice at once."""

import queue
import threading
import time
import weakref
from dataclasses import dataclass
from importlib.util import find_spec

import qt

POLL_MS = 10
SPARE_CORES = 1
"""Left to the window: it draws its views while the kernels compute."""
CLOSING_S = 0.3
"""So long the window waits for the step that a closed worker is at; preparing a large volume takes seconds."""
TURN_S = 0.003
"""At every tick the thread gets so long a turn: Slicer's event loop may hold Python's lock between slots."""


_leaving = weakref.WeakSet()
"""Threads of closed workers, at their last steps; the thread of another worker begins after them."""


@dataclass
class _Job:
    """A generator worked off step by step; ``onStep(step)`` and ``onEnd(result, error)`` run in the main thread."""

    steps: object
    onStep: object
    onEnd: object
    cancelled: bool = False


class Worker:
    """Runs one long job at a time, and short requests between its steps.

    Only functions handed in run in the thread; they must not touch the scene or Qt. All callbacks run in the main
    thread, from a timer that ticks only while something is awaited.
    """

    def __init__(self, name):
        self.name = name
        self._wake = threading.Condition()
        self._requests = {}
        self._job = None
        self._closing = False
        self._thread = None
        self._answers = queue.SimpleQueue()
        self._lastStep = None
        self._awaited = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._deliver)

    @property
    def busy(self):
        """Whether a job is under way."""
        return self._job is not None

    @property
    def idle(self):
        """Whether nothing at all is awaited."""
        return self._awaited == 0

    def run(self, steps, onStep, onEnd):
        """Work off a generator; ``onEnd(None, None)`` tells that it was cancelled."""
        if self.busy:
            raise RuntimeError("a job is already under way")
        with self._wake:
            self._job = _Job(steps, onStep, onEnd)
            self._awaited += 1
            self._begin()

    def cancel(self):
        """End the job now, as far as the main thread is concerned; the thread drops it after the step it is at."""
        with self._wake:
            job = self._job
            if job is None or job.steps is None:
                return
            job.cancelled = True
            self._job = self._lastStep = None
            self._answers.put((lambda result, error: job.onEnd(None, None), None, None))

    def request(self, key, function, onResult, urgent=False):
        """Compute ``function()`` soon; a newer request of the same key replaces one that still waits.

        ``onResult(result, error)`` is called for those that were computed; ``urgent`` ones have their turn first.
        """
        with self._wake:
            if key not in self._requests:
                self._awaited += 1
            self._requests[key] = (function, onResult, urgent)
            self._begin()

    def close(self):
        """End the thread after the step it is at, without waiting for a long one; nothing is delivered any more."""
        self._timer.stop()
        with self._wake:
            self._closing = True
            self._requests.clear()
            if self._job is not None:
                self._job.cancelled = True
            self._job = self._lastStep = None
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(CLOSING_S)
            _leaving.add(self._thread)
        self._thread = None

    def _begin(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, args=(tuple(_leaving),), name=self.name, daemon=True)
            self._thread.start()
        self._wake.notify()
        if not self._timer.active:
            self._timer.start()

    def _loop(self, before):
        from xvrcore.threads import prepare_threads

        for thread in before:
            thread.join()
        prepare_threads(spare=SPARE_CORES if find_spec("numba") else 0)
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._requests or self._stepsLeft())
                request = self._nextRequest()
                job = self._job
            if self._closing:
                break
            if request is not None:
                self._compute(*request[:2])
            else:
                self._step(job)

    def _nextRequest(self):
        urgent = (key for key, (_function, _onResult, isUrgent) in self._requests.items() if isUrgent)
        key = next(urgent, next(iter(self._requests), None))
        return self._requests.pop(key, None)

    def _stepsLeft(self):
        return self._job is not None and self._job.steps is not None

    def _compute(self, function, onResult):
        try:
            self._answers.put((onResult, function(), None))
        except Exception as error:  # handed to the main thread, which shows it
            self._answers.put((onResult, None, error))

    def _step(self, job):
        try:
            step = next(job.steps)
        except StopIteration as end:
            self._end(job, end.value, None)
        except Exception as error:  # handed to the main thread, which shows it
            self._end(job, None, error)
        else:
            with self._wake:
                if not job.cancelled:
                    self._lastStep = step
            if job.cancelled:
                job.steps.close()

    def _end(self, job, result, error):
        with self._wake:
            if not job.cancelled:
                job.steps = None
                self._answers.put((self._finish, (job, result), error))

    def _finish(self, jobAndResult, error):
        job, result = jobAndResult
        self._job = self._lastStep = None
        job.onEnd(result, error)

    def _deliver(self):
        step, self._lastStep = self._lastStep, None
        if step is not None and self._job is not None:
            self._job.onStep(step)
        while not self._answers.empty():
            callback, result, error = self._answers.get()
            self._awaited -= 1
            callback(result, error)
        if self._awaited == 0:
            self._timer.stop()
        else:
            time.sleep(TURN_S)
