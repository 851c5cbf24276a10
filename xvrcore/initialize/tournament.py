"""Candidate poses compete: each round refines all of them a little, ranks them, and keeps the distinct best."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from xvrcore import rigid
from xvrcore.initialize.regions import Region
from xvrcore.initialize.shifts import best_shifts
from xvrcore.objective import Comparison, Objective
from xvrcore.refine.lm import LmStage, LmStep, refine_lm

SAME_MM, SAME_DEG = 3.0, 1.5
"""Poses closer than both, at the source and in rotation, count as one."""


@dataclass(frozen=True)
class Entry:
    """A pose (4x4 ``ras_from_camera``) in the competition.

    ``score`` is that of the last ranking; ``merged`` counts the entries that arrived at this solution in the last
    round and ``agreement`` is their share of the first round; ``curvature`` is :attr:`LmResult.curvatures`.
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


def sampled(objective: Objective, region: Region, samples: int, comparison: Comparison, seed: int,
            keep: int) -> list[Entry]:
    """The best ``keep`` of ``samples`` orientations and depths in a region, each shifted to where it fits best."""
    poses, scores = best_shifts(objective, region, region.sample(samples, seed), comparison)
    return [Entry(region.name, objective, poses[i], float(scores[i])) for i in np.argsort(-scores)[:keep]]


def play(entries: list[Entry], stage: Round) -> Iterator[LmStep]:
    """One round; a generator of optimizer steps that returns the surviving entries, best first."""
    refined = []
    for objective in dict.fromkeys(e.objective for e in entries):
        own = [e for e in entries if e.objective is objective]
        result = yield from refine_lm(objective, np.stack([e.pose for e in own]), stage.stages)
        scores = objective.scores(result.poses, stage.rank)
        refined += [replace(e, pose=p, score=float(s), merged=1, curvature=c)
                    for e, p, s, c in zip(own, result.poses, scores, result.curvatures, strict=True)]
    best = max(e.score for e in refined)
    return survivors([e for e in refined if e.score > best - stage.margin], stage.survivors, stage.per_start)


def survivors(entries: list[Entry], count: int, per_start: int = 0) -> list[Entry]:
    """The distinct best ``count`` entries, and besides them the best ``per_start`` of every start."""
    kept: list[Entry] = []
    of_start: dict[tuple, int] = {}
    for entry in sorted(entries, key=lambda e: -e.score):
        twin = next((i for i, other in enumerate(kept) if same(entry, other)), None)
        key = (entry.start, entry.objective)
        if twin is not None:
            kept[twin] = replace(kept[twin], merged=kept[twin].merged + 1)
        elif len(kept) < count or of_start.get(key, 0) < per_start:
            kept.append(entry)
            of_start[key] = of_start.get(key, 0) + 1
    return [replace(e, agreement=e.agreement or e.merged / len(entries)) for e in kept]


def same(first: Entry, second: Entry) -> bool:
    """Whether two entries are one solution: the same reading of the X-ray, and poses that hardly differ."""
    return (first.objective.xray is second.objective.xray
            and np.linalg.norm(first.pose[:3, 3] - second.pose[:3, 3]) < SAME_MM
            and rigid.rotation_angle_deg(first.pose, second.pose) < SAME_DEG)
