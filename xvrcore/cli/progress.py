"""Progress of generators: drawn on a terminal, kept quiet elsewhere, and ended between two steps by Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Generator

from xvrcore.result import Progress


def follow(steps: Generator, show: Callable[[Progress], None]):
    """Run a generator of :class:`Progress` to its end, showing each step, and give what it returns."""
    while True:
        try:
            show(next(steps))
        except StopIteration as end:
            return end.value


class Interruption:
    """Within it, Ctrl-C is heard at :meth:`check` alone, so that nothing is torn apart; a second one at once.

    Python's own way, an exception wherever the program happens to be, can even get lost: in a weak reference's
    callback or a destructor it is printed and ignored.
    """

    def __enter__(self):
        self._asked = False
        self._previous = None
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *_):
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def check(self) -> None:
        """:raises KeyboardInterrupt: Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt

    def _hear(self, *_):
        self.check()
        self._asked = True


class ProgressBar:
    """A bar with phase and score on a terminal's stderr; nothing where stderr is a file or a pipe."""

    def __init__(self, title: str):
        from tqdm import tqdm
        self._bar = tqdm(total=100, desc=title, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False,
                         bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def show(self, progress: Progress) -> None:
        """Draw one step."""
        score = "" if progress.score is None else f", similarity {progress.score:.3f}"
        self._bar.set_postfix_str(f"{progress.phase}{score}", refresh=False)
        self._bar.update(100 * progress.fraction - self._bar.n)


class JobBar:
    """A bar for a job's status records on a terminal; elsewhere a line for each that has something to say."""

    def __init__(self, title: str):
        from tqdm import tqdm
        self._quiet = not sys.stderr.isatty()
        self._bar = tqdm(total=100, desc=title, file=sys.stderr, disable=self._quiet, leave=False,
                         bar_format="{desc}: {percentage:3.0f}%|{bar}|{postfix}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def show(self, record: dict) -> None:
        """Draw one record."""
        said = record.get("message") or ""
        if said:
            self._bar.write(f"{record['phase']}: {said}", file=sys.stderr)
        figures = [record["phase"]]
        if record.get("loss") is not None:
            figures.append(f"loss {record['loss']:.3g}")
        if record.get("eta_s") is not None:
            figures.append(f"{record['eta_s']:.0f} s left")
        self._bar.set_postfix_str(", ".join(figures), refresh=False)
        if record.get("fraction") is not None:
            self._bar.update(100 * record["fraction"] - self._bar.n)
