"""Register an X-ray to a patient: candidates from a start compete, the best is refined and judged.

:func:`register` is a generator: it yields :class:`Progress` and returns a :class:`RegistrationResult`.
Closing it cancels the work. In doubt it tries again, denser and then by bones alone, while patience lasts.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from xvrcore.camera import Camera, Intrinsics
from xvrcore.confidence import Evidence, judge, weak_directions
from xvrcore.errors import InputError, WorkError
from xvrcore.initialize.attempts import HANDED_IN, LAST_ROUND, RANK
from xvrcore.initialize.regions import STANDARD_VIEWS
from xvrcore.initialize.starts import START_NAMES, GivenStart, Starts
from xvrcore.initialize.tournament import Entry, Round, distinct, play, rivals, sampled, survivors
from xvrcore.patient import Patient, Rendering
from xvrcore.refine.intrinsics import IntrinsicsSettings, refine_with_intrinsics
from xvrcore.result import Candidate, Progress, RegistrationResult, TracePoint
from xvrcore.xray import RISES_WITH_INTENSITY, Radiograph

REFINERS = ("lm", "adam")

LEAST_DESCENDED = 24
"""Sampled poses of every region that enter the first round at least, whatever the number of regions."""
MOST_CANDIDATES = 8
"""Distinct candidates that the result remembers."""


@dataclass(frozen=True)
class RegistrationSettings:
    """``start``: "auto", "header" (its angles and distances), "wide" (angles unknown) or "given" (poses handed in).

    ``patience_s`` bounds how long a doubtful result is tried again; ``seed`` makes every run repeatable.
    ``refiner`` of the best candidate: "lm" (Levenberg-Marquardt) or "adam" (xvr's recipe, slower, a cross-check).
    ``refine_principal_point`` and ``refine_sdd`` let these move with the pose at the end.
    """

    start: str = "auto"
    refiner: str = "lm"
    seed: int = 0
    patience_s: float = 30.0
    refine_principal_point: bool = False
    refine_sdd: bool = False

    def __post_init__(self):
        if self.start not in START_NAMES:
            raise InputError(f"There is no start {self.start!r}; choose one of {', '.join(START_NAMES)}.")
        if self.refiner not in REFINERS:
            raise InputError(f"There is no refiner {self.refiner!r}; choose one of {', '.join(REFINERS)}.")
        if self.seed < 0 or not self.patience_s >= 0:
            raise InputError(f"Seed and patience are {self.seed} and {self.patience_s:g} s; give none below 0.")


def register(radiograph: Radiograph, patient: Patient, settings: RegistrationSettings | None = None,
             given: tuple[GivenStart, ...] = ()) -> Iterator[Progress]:
    """Find the pose of an X-ray; a generator of :class:`Progress` that returns a :class:`RegistrationResult`.

    :raises InputError: the chosen start needs something that is not there.
    :raises WorkError: no pose could be compared with the X-ray at all.
    """
    return (yield from _Registration(radiograph, patient, settings or RegistrationSettings(), given).run())


class _Registration:
    """The state of one registration while it runs."""

    def __init__(self, radiograph, patient, settings, given):
        self.radiograph, self.patient, self.settings = radiograph, patient, settings
        self.starts = Starts(radiograph, patient.center_ras, settings.start, given)
        self.began = time.perf_counter()
        self.trace: list[TracePoint] = []
        self.timings_s: dict[str, float] = {}
        self.searched = False
        self.finalists: list[Entry] = []
        self.finals: list[Entry] = []

    def run(self) -> Iterator[Progress]:
        done, result = 0.0, None
        for number, attempt in enumerate(self.starts.attempts):
            rendering = self.patient.bones if attempt.bones else self.patient.full
            if rendering is None:
                continue
            share = (1 - done) * 0.6
            steps = self._attempt(attempt, rendering, number, done, share)
            if result is None:
                yield from steps
            elif not (yield from self._while_patient(steps)):
                break
            done += share
            if attempt is HANDED_IN and self._is_lost:     # and nothing but what was handed in
                continue
            result = self._result()
            if result.verdict.label == "registered" or self._impatient:
                break
            yield Progress("trying again", done, result.scores["similarity"], result.camera,
                           result.verdict.label, result)
        yield Progress("done", 1.0, result.scores["similarity"], result.camera, result.verdict.label)
        return result

    @property
    def _is_lost(self) -> bool:
        """No pose so far shows the volume."""
        return max(e.score for e in self.finals) <= -1

    def _while_patient(self, steps) -> Iterator[Progress]:
        """The steps of a further attempt, given up when patience ends; returns whether it was finished."""
        for step in steps:
            yield step
            if self._impatient:
                return False
        return True

    @property
    def _impatient(self) -> bool:
        return self._elapsed() > self.settings.patience_s

    def _attempt(self, attempt, rendering, number, done, share) -> Iterator[Progress]:
        """One attempt from its start to a final pose; ``share`` is its part of the progress."""
        began = time.perf_counter()
        entries: list[Entry] = []
        for reading, regions, given in self.starts.of(attempt):
            objective = rendering.objective(reading)
            entries += [Entry(g.name, objective, g.ras_from_camera) for g in given]
            for region in regions:
                for some in sampled(objective, region, attempt.samples, attempt.sampled_at,
                                    self.settings.seed + number):
                    entries += some
                    top = max(entries, key=lambda e: e.score)
                    yield Progress(attempt.name, done, top.score, _camera(top))
        self._add_time(attempt.name, began)
        entries = _fair_share(entries, attempt.descended)
        self.searched |= attempt.samples > 0
        part = share / (len(attempt.rounds) + 1)
        for i, stage in enumerate(attempt.rounds):
            ranked = yield from self._play(entries, stage, done + i * part, part)
            entries = survivors(ranked, stage)
        self.finalists += entries
        refine = self._play_adam if self.settings.refiner == "adam" else self._play
        self.finals += yield from refine(entries[:1], LAST_ROUND, done + share - part, part)
        if self.settings.refine_principal_point or self.settings.refine_sdd:
            self.finals.append(self._with_intrinsics(self.finals[-1], rendering))

    def _with_intrinsics(self, entry: Entry, rendering: Rendering) -> Entry:
        """The entry with principal point and SDD refined as the settings allow."""
        chosen = IntrinsicsSettings(self.settings.refine_principal_point, self.settings.refine_sdd)
        camera = refine_with_intrinsics(entry.objective, _camera(entry), chosen)
        objective = rendering.objective(replace(entry.objective.xray, intrinsics=camera.intrinsics))
        score = objective.scores(camera.ras_from_camera[None], LAST_ROUND.rank)[0]
        return replace(entry, objective=objective, pose=camera.ras_from_camera, score=float(score))

    def _play(self, entries, stage: Round, done, share) -> Iterator[Progress]:
        """One round of the tournament, told as progress; returns the distinct entries, best first."""
        steps = sum(s.iterations for s in stage.stages) * len({e.objective for e in entries})
        intrinsics = entries[0].objective.xray.intrinsics
        return (yield from self._told(play(entries, stage), stage.name, intrinsics, done, share / steps))

    def _play_adam(self, entries, stage: Round, done, share) -> Iterator[Progress]:
        """The last round by Adam instead of Levenberg-Marquardt; otherwise as :meth:`_play`."""
        from xvrcore.refine.adam import AdamSettings, refine_adam

        entry, settings = entries[0], AdamSettings()
        steps = settings.iterations * len(settings.sizes)
        climbing = refine_adam(entry.objective, entry.pose, settings)
        result = yield from self._told(climbing, stage.name, entry.objective.xray.intrinsics, done, share / steps)
        score = float(entry.objective.scores(result.pose[None], stage.rank)[0])
        return [replace(entry, pose=result.pose, score=score)]

    def _told(self, steps, phase: str, intrinsics: Intrinsics, done: float, part: float) -> Iterator[Progress]:
        """Optimizer steps as progress, each worth ``part``; returns what the optimizer returns."""
        began = time.perf_counter()
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                self._add_time(phase, began)
                return end.value
            done += part
            self.trace.append(TracePoint(phase, step.comparison.size, step.iteration, step.best_score))
            yield Progress(phase, done, step.best_score, Camera(intrinsics, step.best_pose))

    def _result(self) -> RegistrationResult:
        if self._is_lost:
            raise WorkError(f"{self.radiograph.path}: no pose shows the volume in this X-ray; "
                            "check the geometry, and that the volume is of the same body part.")
        final, initial = self.finals[-1], self._initial()
        best = max((*self.finals, initial), key=lambda e: e.score)
        candidates = distinct(self.finalists)[:MOST_CANDIDATES]
        evidence, weak_mm = self._evidence(best), weak_directions(best.curvature, best.pose)
        return RegistrationResult(
            camera=_camera(best), initial=_camera(initial), final=_camera(final), reading=best.objective.xray,
            scores=evidence.figures(), verdict=judge(evidence, weak_mm, self._pixels(best)),
            candidates=tuple(Candidate(e.start, _camera(e), e.objective.xray.polarity, e.score) for e in candidates),
            trace=tuple(self.trace), weak_mm=weak_mm, timings_s={**self.timings_s, "total": self._elapsed()},
            backend=best.objective.projector.name, device=best.objective.projector.device,
            notes=tuple(self._notes(best)))

    def _notes(self, best: Entry):
        """What was decided while the volume was prepared, taken for granted, or settled by fit, in sentences."""
        reading, origins = best.objective.xray, self.radiograph.origins
        yield from self.patient.full.attenuation.notes
        if len({r.polarity for r in self.radiograph.readings}) > 1:
            sense = "intensity" if reading.polarity == RISES_WITH_INTENSITY else "attenuation"
            yield f"Both polarities were tried: stored values that rise with {sense} fit better."
        if len({r.intrinsics.flipped for r in self.radiograph.readings}) > 1:
            yield f"Both mirror senses were tried: {'mirrored' if reading.intrinsics.flipped else 'not mirrored'} fits."
        if "principal_point_px" in origins and origins["principal_point_px"].source == "assumed":
            yield ("The principal point is taken to be the image's center. Where it is not, the pose is off sideways "
                   "by its offset at the detector times SOD/SDD; projections onto the image stay right.")
        if reading.positioner.source_isocenter_mm is None:
            yield "The source-to-isocenter distance is unknown: depth was searched more widely."
        if self.starts.name != "wide" and best.start in STANDARD_VIEWS:
            near = "header's angles" if self.starts.name == "header" else "pose handed in"
            yield (f"Nothing near the {near} fits; this pose was found around the {best.start} view. "
                   "Is the patient's position in the header right?")
        if best.objective.projector is not self.patient.full.projector:
            yield "Bones alone fit better than the whole volume: soft tissue looks different in this X-ray."

    def _evidence(self, best: Entry) -> Evidence:
        """What speaks for and against the best pose, among the finalists of the same rendering."""
        objective = best.objective
        coarse = float(objective.scores(best.pose[None], RANK)[0])
        others = rivals(best, [e for e in self.finalists if e.objective.projector is objective.projector])
        unrivaled = coarse if self.searched else 0.0
        return Evidence(
            similarity=best.score, coarse_similarity=coarse,
            lead=coarse - max(e.score for e in others) if others else unrivaled, agreement=best.agreement,
            explained_share=objective.explained_share(best.pose, LAST_ROUND.rank))

    @staticmethod
    def _pixels(entry: Entry) -> int:
        """Valid pixels of the X-ray as the last round compares it."""
        return int(entry.objective.pyramid.level(LAST_ROUND.rank.size).valid.sum())

    def _initial(self) -> Entry:
        """Where it all began: the pose handed in, or the middle of the first region."""
        reading, regions, given = next(self.starts.of(self.starts.attempts[0]))
        name, pose = (given[0].name, given[0].ras_from_camera) if given else (regions[0].name, regions[0].nominal)
        objective = self.patient.full.objective(reading)
        return Entry(name, objective, pose, float(objective.scores(pose[None], LAST_ROUND.rank)[0]))

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began

    def _add_time(self, phase: str, since: float) -> None:
        self.timings_s[phase] = self.timings_s.get(phase, 0.0) + time.perf_counter() - since


def _camera(entry: Entry) -> Camera:
    return Camera(entry.objective.xray.intrinsics, entry.pose)


def _fair_share(entries: list[Entry], count: int) -> list[Entry]:
    """About ``count`` entries, every start keeping its best equal share."""
    groups: dict[tuple, list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.start, entry.objective), []).append(entry)
    share = max(LEAST_DESCENDED, count // max(1, len(groups)))
    return [e for group in groups.values() for e in sorted(group, key=lambda e: -e.score)[:share]]
