"""Progress of generators, drawn on a terminal and kept quiet elsewhere."""

import sys
from collections.abc import Callable, Generator

from xvrcore.result import Progress


def follow(steps: Generator, show: Callable[[Progress], None]):
    """Run a generator of :class:`Progress` to its end, showing each step, and give what it returns."""
    while True:
        try:
            show(next(steps))
        except StopIteration as end:
            return end.value


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
