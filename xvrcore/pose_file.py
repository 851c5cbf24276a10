"""``pose.json``: a found pose, what it rests on, and how far to trust it; the contract with Slicer and the world.

Matrices are row by row, mm; ``intrinsics`` describe the stored image; ``projection_ras`` (3x4) maps
homogeneous RAS mm to its pixels times the depth. Floats are written so that reading gives the same bits;
a figure that is not finite becomes ``null``.
"""

import json
import math
import platform
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import numpy as np

from xvrcore import __version__
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.files import write_whole
from xvrcore.result import Candidate, RegistrationResult, Verdict
from xvrcore.volume import Volume
from xvrcore.xray import Origin, Radiograph

SCHEMA_VERSION = 1
LABELS = ("registered", "doubtful", "failed")
PROJECTION_TOLERANCE = 1e-6
"""How far, relative to its largest entry, ``projection_ras`` may be from what pose and intrinsics give."""
NUMBER_LIST = re.compile(r"\[\n([-+.,\deE\s]+)\n\s*\]")
LIBRARIES = ("numpy", "scipy", "numba", "torch", "nanodrr", "diffdrr", "SimpleITK", "pydicom")


@dataclass(frozen=True)
class PoseFile:
    """What a ``pose.json`` says. ``camera`` is the pose to use; ``initial`` and ``final`` as in the result.

    ``inputs`` maps "xray", "volume", "segmentation" to ``{"path", "sha256"}``; ``provenance`` is the
    radiograph's ``origins``; ``scores`` holds ``similarity`` first.
    """

    camera: Camera
    initial: Camera
    final: Camera
    polarity: int
    verdict: Verdict
    scores: dict[str, float]
    provenance: dict[str, Origin]
    candidates: tuple[Candidate, ...] = field(repr=False)
    weak_mm: dict[str, float]
    timings_s: dict[str, float]
    backend: str
    device: str
    versions: dict[str, str]
    inputs: dict[str, dict[str, str]]
    frame: str
    seed: int | None
    notes: tuple[str, ...]
    created: str


def pose_file_of(radiograph: Radiograph, result: RegistrationResult, volume: Volume,
                 segmentation: Volume | None = None, seed: int | None = None) -> PoseFile:
    """What there is to say about a registration of ``radiograph`` to ``volume``."""
    inputs = {"xray": _input(radiograph), "volume": _input(volume)}
    if segmentation is not None:
        inputs["segmentation"] = _input(segmentation)
    return PoseFile(
        camera=result.camera, initial=result.initial, final=result.final, polarity=result.reading.polarity,
        verdict=result.verdict, scores=dict(result.scores), provenance=dict(radiograph.origins),
        candidates=result.candidates, weak_mm=dict(result.weak_mm), timings_s=dict(result.timings_s),
        backend=result.backend, device=result.device, versions=software_versions(), inputs=inputs,
        frame=radiograph.frame, seed=seed, notes=result.notes,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"))


def write_pose(path: str | Path, pose: PoseFile) -> None:
    """Write ``pose.json``, whole or not at all.

    :raises InputError: the place cannot be written to.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "verdict": pose.verdict.label, "confidence": pose.verdict.confidence, "reasons": pose.verdict.reasons,
        "similarity": pose.scores.get("similarity"), "scores": pose.scores,
        **_camera_record(pose.camera),
        "polarity": pose.polarity,
        "provenance": {name: asdict(origin) for name, origin in pose.provenance.items()},
        "initial": _camera_record(pose.initial), "final": _camera_record(pose.final),
        "weak_mm": pose.weak_mm,
        "candidates": [{"start": c.start, "score": c.score, "polarity": c.polarity, **_camera_record(c.camera)}
                       for c in pose.candidates],
        **{name: getattr(pose, name) for name in ("notes", "frame", "seed", "timings_s", "backend", "device",
                                                  "versions", "inputs", "created")},
    }
    write_whole(path, to_json(document))


def read_pose(path: str | Path) -> PoseFile:
    """Read and check a ``pose.json``.

    :raises InputError: unreadable, not of this schema, or a value is missing, not finite, or contradicts another.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the pose file ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file ({error}); give a pose.json that xvrcore or Slicer wrote.") \
            from error
    if not isinstance(document, dict) or "schema_version" not in document:
        raise InputError(f"{path} has no schema_version; give a pose.json that xvrcore or Slicer wrote.")
    if document["schema_version"] != SCHEMA_VERSION:
        raise InputError(f"{path} has schema_version {document['schema_version']!r}, and this version of xvrcore "
                         f"reads {SCHEMA_VERSION}; register again or update xvrcore.")
    return _Reader(path, document).pose_file()


def software_versions() -> dict[str, str]:
    """Versions of xvrcore, Python and the libraries that computed, without importing them."""
    versions = {"xvrcore": __version__, "python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def to_json(document) -> str:
    """Valid JSON of plain values, tuples, paths and NumPy's numbers; what is not finite becomes ``null``.

    Lists of numbers stand in one line.
    """
    text = json.dumps(_plain(document), indent=1, allow_nan=False, ensure_ascii=False)
    return NUMBER_LIST.sub(lambda found: "[" + " ".join(found[1].split()) + "]", text) + "\n"


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _input(read: Radiograph | Volume) -> dict[str, str]:
    return {"path": str(read.path or ""), "sha256": read.sha256}


def _camera_record(camera: Camera) -> dict:
    intrinsics = {item.name: getattr(camera.intrinsics, item.name) for item in fields(Intrinsics)
                  if item.name != "flipped"}
    return {"ras_from_camera": camera.ras_from_camera, "intrinsics": intrinsics,
            "projection_ras": camera.projection_ras, "image_flipped": camera.intrinsics.flipped}


@dataclass(frozen=True)
class _Reader:
    """Takes values out of a pose file, complaining about them by file and name."""

    path: Path
    document: dict

    def pose_file(self) -> PoseFile:
        get = self._get
        return PoseFile(
            camera=self._camera(self.document, ""), initial=self._camera(get("initial", dict), "initial."),
            final=self._camera(get("final", dict), "final."), polarity=self._one_of("polarity", (1, -1)),
            verdict=Verdict(self._one_of("verdict", LABELS), self._confidence(), tuple(get("reasons", list))),
            scores=self._figures("scores"), provenance=self._provenance(), candidates=self._candidates(),
            weak_mm=self._figures("weak_mm"), timings_s=self._figures("timings_s"),
            **{name: get(name, str) for name in ("backend", "device", "frame", "created")},
            versions=get("versions", dict), inputs=get("inputs", dict), seed=get("seed", (int, type(None))),
            notes=tuple(get("notes", list)))

    def _fail(self, name: str, problem: str):
        raise InputError(f"{self.path}: {name} {problem}; give a pose.json as it was written, or register again.")

    def _get(self, name: str, kind, record: dict | None = None, prefix: str = ""):
        record = self.document if record is None else record
        if name not in record:
            self._fail(prefix + name, "is missing")
        if not isinstance(record[name], kind):
            self._fail(prefix + name, f"is {json.dumps(record[name])[:60]}, which is not of the right kind")
        return record[name]

    def _one_of(self, name: str, allowed: tuple):
        value = self._get(name, (str, int))
        if value not in allowed:
            self._fail(name, f"is {value!r}, and only {', '.join(map(str, allowed))} are known")
        return value

    def _confidence(self) -> float:
        value = float(self._get("confidence", (int, float)))
        if not 0 <= value <= 1:
            self._fail("confidence", f"is {value}, which is not between 0 and 1")
        return value

    def _figures(self, name: str) -> dict[str, float]:
        """Named numbers; ``null`` stands for one that is not finite."""
        record = self._get(name, dict)
        return {key: math.nan if record[key] is None else float(self._get(key, (int, float), record, f"{name}."))
                for key in record}

    def _numbers(self, name: str, shape: tuple[int, ...], record: dict, prefix: str) -> np.ndarray:
        value = self._get(name, (list, int, float), record, prefix)
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.shape != shape or not np.isfinite(array).all():
            size = " x ".join(map(str, shape)) + " finite numbers" if shape else "a finite number"
            self._fail(prefix + name, f"is not made of {size}" if shape else f"is not {size}")
        return array

    def _camera(self, record: dict, prefix: str) -> Camera:
        values = self._get("intrinsics", dict, record, prefix)
        inner = f"{prefix}intrinsics."
        numbers = {name: self._numbers(name, shape, values, inner)
                   for name, shape in (("sdd_mm", ()), ("spacing_mm", (2,)), ("principal_point_px", (2,)))}
        counts = [self._get(name, int, values, inner) for name in ("rows", "cols")]
        pose = self._numbers("ras_from_camera", (4, 4), record, prefix)
        flipped = self._get("image_flipped", bool, record, prefix)
        try:
            camera = Camera(Intrinsics(float(numbers["sdd_mm"]), tuple(numbers["spacing_mm"].tolist()),
                                       tuple(numbers["principal_point_px"].tolist()), *counts, flipped), pose)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        stated = self._numbers("projection_ras", (3, 4), record, prefix)
        if np.abs(stated - camera.projection_ras).max() > PROJECTION_TOLERANCE * np.abs(camera.projection_ras).max():
            self._fail(f"{prefix}projection_ras", "contradicts ras_from_camera and intrinsics")
        return camera

    def _provenance(self) -> dict[str, Origin]:
        record = self._get("provenance", dict)
        return {name: Origin(self._get("value", object, self._get(name, dict, record, "provenance."),
                                       f"provenance.{name}."),
                             self._get("source", str, record[name], f"provenance.{name}."),
                             self._get("detail", str, record[name], f"provenance.{name}."))
                for name in record}

    def _candidates(self) -> tuple[Candidate, ...]:
        found = []
        for index, record in enumerate(self._get("candidates", list)):
            prefix = f"candidates[{index}]."
            if not isinstance(record, dict):
                self._fail(prefix[:-1], "is not an object")
            score = self._get("score", (int, float, type(None)), record, prefix)
            found.append(Candidate(self._get("start", str, record, prefix), self._camera(record, prefix),
                                   self._get("polarity", int, record, prefix),
                                   math.nan if score is None else float(score)))
        return tuple(found)
