"""Which frame of a multi-frame file is meant, and how several become one."""

import re
from collections.abc import Callable, Iterable

import numpy as np

from xvrcore.errors import InputError

_FRAME = re.compile(r"(?:(?P<how>mean|max|min)(?::(?P<first>\d+)-(?P<last>\d+))?|(?P<index>\d+))")


def chosen_frames(frame: str, count: int, name: str) -> tuple[str, range]:
    """How to merge ("mean", "max" or "min") and which of ``count`` frames.

    :param frame: an index from "0", or "mean", "max", "min" of all frames or of a range: "mean:2-10".
    :raises InputError: malformed, or out of range.
    """
    match = _FRAME.fullmatch(str(frame))
    if not match:
        raise InputError(f"The frame {frame!r} is not understood; give an index (0), or mean, max or min, "
                         "of a range if you like (mean:2-10).")
    if match["index"]:
        first = last = int(match["index"])
    else:
        first, last = int(match["first"] or 0), int(match["last"] or count - 1)
    if first > last or last >= count:
        raise InputError(f"{name} has {count} frame{'s' * (count > 1)}, 0 to {count - 1}; "
                         f"{frame} is not among them.")
    return match["how"] or "mean", range(first, last + 1)


def merge(frames: Iterable[np.ndarray], how: str) -> np.ndarray:
    """One float32 image of several equally shaped ones, held in memory one at a time."""
    total, count = None, 0
    combine: Callable = {"mean": np.add, "max": np.maximum, "min": np.minimum}[how]
    for image in frames:
        image = image.astype(np.float32)
        total = image if total is None else combine(total, image)
        count += 1
    return total / np.float32(count) if how == "mean" else total
