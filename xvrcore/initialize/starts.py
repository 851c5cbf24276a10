"""Where a registration may begin: poses handed in, the header's angles, or the standard views."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from xvrcore.errors import InputError
from xvrcore.initialize.attempts import ATTEMPTS, HANDED_IN, Attempt
from xvrcore.initialize.regions import AROUND_VIEW, STANDARD_VIEWS, Region, header_region, view_region
from xvrcore.xray import Radiograph, Xray
from xvrcore.xray_io.orientation import flip_for

START_NAMES = ("auto", "header", "wide", "given")


@dataclass(frozen=True)
class GivenStart:
    """A pose from elsewhere: a file, landmarks, a network, the user's hand. ``ras_from_camera`` is 4x4.

    A ``guess`` stands beside the search's own starts and replaces none of them.
    """

    name: str
    ras_from_camera: np.ndarray = field(repr=False)
    guess: bool = False


class Starts:
    """The regions to search and the poses handed in, for every attempt at one radiograph.

    ``name``: "header", "wide" or "given", what the wanted start comes down to.

    :raises InputError: the wanted start needs something that is not there.
    """

    def __init__(self, radiograph: Radiograph, center_ras: np.ndarray, wanted: str, given: tuple[GivenStart, ...]):
        self.radiograph, self.center_ras, self.given = radiograph, center_ras, given
        trusted = wanted == "given"
        self.certain = tuple(g for g in given if trusted or not g.guess)
        self.guesses = tuple(g for g in given if g.guess and not trusted)
        self.name = self._resolved(wanted)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What is tried, one after the other."""
        handed_in = self.name == "given" or (self.name == "wide" and self.guesses)
        searches = tuple(a for a in ATTEMPTS if not (a.all_views and self.name == "wide"))
        return (HANDED_IN, *searches) if handed_in else searches

    def of(self, attempt: Attempt) -> Iterator[tuple[Xray, list[Region], list[GivenStart]]]:
        """For each reading of the radiograph: the regions to search and the poses to refine from where they are."""
        for reading in self.radiograph.readings:
            if attempt is HANDED_IN:
                yield reading, [], list(self.given)
            elif self.name == "wide" or attempt.all_views:
                views = [view for view in STANDARD_VIEWS if self._flip_fits(view, reading)]
                yield reading, [self._around_view(view, reading) for view in views], []
            elif self.name == "given":
                yield reading, [Region(f"around {g.name}", g.ras_from_camera, self.center_ras, attempt.header_range)
                                for g in self.certain], []
            else:
                region = header_region(reading, self.center_ras, self.radiograph.patient_orientation,
                                       attempt.header_range)
                yield reading, [region], list(self.guesses) if attempt is ATTEMPTS[0] else []

    def _around_view(self, view: str, reading: Xray) -> Region:
        return view_region(view, reading, self.center_ras, self.radiograph.patient_orientation, AROUND_VIEW)

    def _flip_fits(self, view: str, reading: Xray) -> bool:
        """Whether a view agrees with the reading's flip, where the header says how the image lies to the patient."""
        orientation = self.radiograph.patient_orientation
        wanted = flip_for(*STANDARD_VIEWS[view], orientation) if orientation else None
        return self.radiograph.flip_is_stated or wanted is None or wanted == reading.intrinsics.flipped

    def _resolved(self, wanted: str) -> str:
        has_angles = self.radiograph.readings[0].positioner.has_angles
        if wanted == "auto":
            return "given" if self.certain else "header" if has_angles else "wide"
        if wanted == "header" and not has_angles:
            raise InputError(f"{self.radiograph.path}: its header has no positioner angles to start from; "
                             "start from a wide search, landmarks or a pose.")
        if wanted == "given" and not self.certain:
            raise InputError("No pose was handed in to start from; give one, or landmarks.")
        return wanted
