"""What is DICOM, and looking a tag up where it may stand: per frame, shared by all frames, or at the top."""

import struct
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.sequence import Sequence

from xvrcore.errors import InputError

DAMAGE = (InvalidDicomError, BytesLengthException, struct.error, RuntimeError, NotImplementedError, ValueError,
          TypeError, OverflowError, KeyError, IndexError, AttributeError, OSError, EOFError)
"""What pydicom and its decoders were seen to raise on damaged files, when reading them or when asked for values."""


def is_dicom(path: Path) -> bool:
    """Whether a file carries DICOM's mark (PS3.10: "DICM" after 128 bytes)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@contextmanager
def without_remarks():
    """Keep pydicom's remarks on a header's style, which no user can act on, to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


class Tags:
    """The tags of one frame. Enhanced objects nest them in functional groups (PS3.3 C.7.6.16)."""

    def __init__(self, dataset: Dataset, frame: int, path: Path):
        self.dataset, self.frame, self.path = dataset, frame, path
        self.places = [dataset]
        shared = dataset.get("SharedFunctionalGroupsSequence")
        per_frame = dataset.get("PerFrameFunctionalGroupsSequence")
        if shared:
            self.places.insert(0, shared[0])
        if per_frame and frame < len(per_frame):
            self.places.insert(0, per_frame[frame])

    def get(self, keyword: str):
        """The value of a tag, the frame's own first; ``None`` if absent or empty.

        :raises InputError: it cannot be decoded (pydicom does so only now).
        """
        for place in self.places:
            try:
                value = _find(place, keyword)
            except DAMAGE as error:
                raise InputError(f"{self.path} holds a damaged {keyword}; export the file again.") from error
            if value is not None and value != "" and not (hasattr(value, "__len__") and len(value) == 0):
                return value
        return None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values of a numeric tag, () if absent or wholly empty.

        :raises InputError: some values are empty, or are not finite numbers.
        """
        value = self.get(keyword)
        if value is None:
            return ()
        values = [value] if isinstance(value, str) or np.isscalar(value) else list(value)
        if all(v is None or str(v).strip() == "" for v in values):
            return ()
        try:
            numbers = tuple(float(v) for v in values)
        except (TypeError, ValueError, OverflowError):
            numbers = (np.nan,)
        if not np.isfinite(numbers).all():
            raise InputError(f"{self.path} holds an unusable {keyword} {value!r}; correct the file or state "
                             "the value by its option.")
        return numbers

    def number(self, keyword: str) -> float | None:
        """The first value of a numeric tag."""
        return next(iter(self.numbers(keyword)), None)

    def whole(self, keyword: str, absent: int) -> int:
        """A whole number."""
        value = self.number(keyword)
        return absent if value is None else int(value)

    def word(self, keyword: str) -> str:
        """A code word in capitals, "" if absent."""
        return str(self.get(keyword) or "").strip().upper()

    def positive(self, keyword: str) -> float | None:
        """A length that must be above zero; zero is how many devices write "unknown"."""
        value = self.number(keyword)
        return value if value and value > 0 else None


def _find(place: Dataset, keyword: str):
    """A tag of a data set or, one level down, of its functional group macros."""
    if keyword in place:
        return place[keyword].value
    if "SOPClassUID" in place:      # the top level: its sequences speak of other things
        return None
    for element in place:
        if isinstance(element.value, Sequence) and element.value and keyword in element.value[0]:
            return element.value[0][keyword].value
    return None
