"""Candidate poses compete: each round refines all of them a little, ranks them, and keeps the distinct best."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from xvrcore import rigid
from xvrcore.initialize.regions import Region
from xvrcore.initialize.shifts import best_shifts
from xvrcore.objective import Comparison, Objective
from xvrcore.refine import RefinementStep
from xvrcore.refine.lm import LmStage, refine_lm

SAME_MM = 4.0
"""Poses that show the patient closer than this to each other count as one solution (see :func:`apart_mm`)."""
ANOTHER_MM = 10.0
"""A pose this far from the best one is another solution, whose score speaks against it."""
ENOUGH_TO_AGREE = 8
"""Rounds with fewer entries say nothing about how many starts end at one solution."""
PROBE_MM, DEPTH_WEIGHT = 60.0, 0.2
"""Half the side of the cube whose corners are compared, and how much depth counts, which one view hardly tells."""


@dataclass(frozen=True)
class Entry:
    """A pose (4x4 ``ras_from_camera``) in the competition.

    ``score`` is that of the last ranking; ``merged`` counts the entries that arrived at this solution in the last
    round and ``agreement`` is their largest share of a round; ``curvature`` is :attr:`LmResult.curvatures`.
    """

    start: str
    objective: Objective = field(repr=False)
    pose: np.ndarray = field(repr=False)
    score: float = -1.0
    merged: int = 1
    agreement: float = 0.0
    curvature: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Round:
    """Refine by ``stages``, rank at ``rank``, and keep ``survivors``, among them ``per_start`` of every start.

    Entries whose score is ``margin`` below the best one's are out of the running in any case.
    """

    name: str
    stages: tuple[LmStage, ...]
    rank: Comparison
    survivors: int
    per_start: int = 0
    margin: float = 2.0


def sampled(objective: Objective, region: Region, samples: int, comparison: Comparison,
            seed: int) -> Iterator[list[Entry]]:
    """``samples`` orientations and depths in a region, each shifted to where it fits best, some at a time."""
    for poses, scores in best_shifts(objective, region, region.sample(samples, seed), comparison):
        yield [Entry(region.name, objective, pose, float(score)) for pose, score in zip(poses, scores, strict=True)]


def play(entries: list[Entry], stage: Round) -> Iterator[RefinementStep]:
    """One round; a generator of optimizer steps that returns the distinct entries, best first."""
    arrived = []
    for objective in dict.fromkeys(e.objective for e in entries):
        own = [e for e in entries if e.objective is objective]
        result = yield from refine_lm(objective, np.stack([e.pose for e in own]), stage.stages)
        arrived += [replace(e, pose=p, score=float(s), merged=1, curvature=c)
                    for e, p, s, c in zip(own, result.poses, result.scores, result.curvatures, strict=True)]
    if stage.rank == stage.stages[-1].comparison:
        return distinct(arrived)
    return sorted(_ranked(distinct(arrived), stage.rank), key=lambda e: -e.score)


def _ranked(entries: list[Entry], rank: Comparison) -> list[Entry]:
    """The entries with their scores at ``rank``."""
    ranked = []
    for objective in dict.fromkeys(e.objective for e in entries):
        own = [e for e in entries if e.objective is objective]
        scores = objective.scores(np.stack([e.pose for e in own]), rank)
        ranked += [replace(e, score=float(s)) for e, s in zip(own, scores, strict=True)]
    return ranked


def distinct(entries: list[Entry]) -> list[Entry]:
    """One entry of every solution, the best one, which knows how many arrived at it; best first."""
    kept: list[Entry] = []
    seen: list[np.ndarray] = []
    for entry in sorted(entries, key=lambda e: -e.score):
        probes = _probes(entry)
        twin = next((i for i, other in enumerate(kept) if _same_reading(entry, other)
                     and _mean_distance(probes, seen[i]) < SAME_MM), None)
        if twin is None:
            kept.append(entry)
            seen.append(probes)
        else:
            kept[twin] = replace(kept[twin], merged=kept[twin].merged + entry.merged)
    if len(entries) < ENOUGH_TO_AGREE:
        return kept
    return [replace(e, agreement=max(e.agreement, e.merged / len(entries))) for e in kept]


def survivors(ranked: list[Entry], stage: Round) -> list[Entry]:
    """Those of the distinct entries, best first, that a round lets go on; a rival of the best one always does."""
    kept: list[Entry] = []
    of_start: dict[tuple, int] = {}
    for entry in ranked:
        key = (entry.start, entry.objective)
        wanted = len(kept) < stage.survivors or of_start.get(key, 0) < stage.per_start
        if wanted and entry.score > ranked[0].score - stage.margin:
            kept.append(entry)
            of_start[key] = of_start.get(key, 0) + 1
    return kept if rivals(ranked[0], kept) else kept + rivals(ranked[0], ranked)[:1]


def rivals(best: Entry, entries: list[Entry]) -> list[Entry]:
    """Those that are another solution than ``best``."""
    return [e for e in entries if apart_mm(e, best) > ANOTHER_MM]


def apart_mm(first: Entry, second: Entry) -> float:
    """How far two entries are apart: the mean distance of points around the patient's middle, seen by the cameras.

    Infinite for different readings of the X-ray.
    """
    return _mean_distance(_probes(first), _probes(second)) if _same_reading(first, second) else np.inf


def _same_reading(first: Entry, second: Entry) -> bool:
    one, other = first.objective.xray, second.objective.xray
    return one.image is other.image and one.intrinsics.flipped == other.intrinsics.flipped


def _mean_distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.sqrt(((first - second) ** 2).sum(axis=1)).mean())


def _probes(entry: Entry) -> np.ndarray:
    """The corners of a cube about the patient's middle in the camera frame, mm, depth weighted down."""
    corners = PROBE_MM * np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    in_camera = rigid.apply(rigid.inverse(entry.pose), entry.objective.center_ras + corners)
    return in_camera * [1, 1, DEPTH_WEIGHT]
