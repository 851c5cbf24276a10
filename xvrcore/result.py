"""What a registration says while it runs and when it ends."""

from dataclasses import dataclass, field

from xvrcore.camera import Camera
from xvrcore.xray import Xray


@dataclass(frozen=True)
class Progress:
    """One step of work in progress. ``fraction`` is 0..1 of the whole registration; ``score`` in -1..1.

    ``result`` is there once a first attempt was judged and found wanting: what stands if the work ends here.
    """

    phase: str
    fraction: float
    score: float | None = None
    camera: Camera | None = None
    message: str = ""
    result: "RegistrationResult | None" = None


@dataclass(frozen=True)
class Candidate:
    """A pose that was tried: where it started from, how it scored after its refinement, what it took for granted."""

    start: str
    camera: Camera
    polarity: int
    score: float


@dataclass(frozen=True)
class TracePoint:
    """Similarity after one accepted refinement step, ``cols`` telling the resolution it was computed at."""

    phase: str
    cols: int
    iteration: int
    score: float


@dataclass(frozen=True)
class Verdict:
    """``label``: "registered", "doubtful" or "failed"; ``confidence`` 0..1; ``reasons`` are full sentences."""

    label: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RegistrationResult:
    """The outcome for one X-ray.

    ``camera`` is the best pose found; ``initial`` the one it all began with and ``final`` where the last
    refinement ended: the best one never scores below either. ``scores`` are named figures at the best pose
    (``similarity`` first, in -1..1). ``weak_mm`` tells, per named direction at the scan's middle, how far
    the pose could move (mm) before the similarity notices. ``candidates`` are distinct poses, best first.
    """

    camera: Camera
    initial: Camera
    final: Camera
    reading: Xray
    scores: dict[str, float]
    verdict: Verdict
    candidates: tuple[Candidate, ...]
    trace: tuple[TracePoint, ...] = field(repr=False)
    weak_mm: dict[str, float]
    timings_s: dict[str, float]
    backend: str
    device: str
    notes: tuple[str, ...] = ()
