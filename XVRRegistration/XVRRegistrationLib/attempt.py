"""What one attempt at registering found, as a scene keeps it."""

import json
import math
from dataclasses import asdict, dataclass, field
from urllib.parse import quote, unquote

import numpy as np
from slicer.i18n import tr as _

SAME_POSE = 1e-4


@dataclass(frozen=True)
class Place:
    """Where the C-arm stands: ``pose`` is ``ras_from_camera`` (4x4 as nested tuples); ``flipped`` as the core's
    intrinsics say it."""

    pose: tuple
    flipped: bool

    @property
    def rasFromCamera(self):
        return np.array(self.pose)

    def isAt(self, other):
        return self.flipped == other.flipped and np.allclose(self.pose, other.pose, rtol=0, atol=SAME_POSE)


def placeOf(camera):
    """The :class:`Place` of the core's camera."""
    return Place(tuple(map(tuple, camera.ras_from_camera.tolist())), camera.intrinsics.flipped)


@dataclass(frozen=True)
class Attempt:
    """``xray`` tells which image was registered; ``found`` and ``before`` are where the attempt ended and began;
    ``figures`` are (name, value as text)."""

    xray: str
    start: str
    verdict: str
    confidence: float
    score: float
    reasons: tuple
    found: Place
    before: Place
    figures: tuple = field(repr=False)

    def toText(self):
        """As a table's cell can hold it: the files of tables know no quotation marks."""
        return quote(json.dumps(asdict(self)))


def attemptOf(result, start, xray, before):
    """The :class:`Attempt` of a result of the core, which began at the camera ``before``."""
    verdict = result.verdict
    return Attempt(xray, start, verdict.label, float(verdict.confidence), float(result.scores["similarity"]),
                   (*verdict.reasons, *result.notes), placeOf(result.camera), placeOf(before), tuple(_figures(result)))


def fromText(text):
    """The attempt that :meth:`Attempt.toText` wrote."""
    values = json.loads(unquote(text))
    places = {name: Place(**values.pop(name)) for name in ("found", "before")}
    return Attempt(**values, **places)


def _figures(result):
    yield _("verdict"), result.verdict.label
    yield _("confidence"), f"{result.verdict.confidence:.3f}"
    for name, value in result.scores.items():
        if math.isfinite(value):
            yield name, f"{value:.4f}"
    for name, value in result.weak_mm.items():
        yield _("may move unnoticed along {name} (mm)").format(name=name), f"{value:.2f}"
    for phase, value in result.timings_s.items():
        yield _("seconds, {phase}").format(phase=phase), f"{value:.2f}"
