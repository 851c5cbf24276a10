"""``xvrcore register``: the pose of one or many X-rays relative to one volume, prepared once."""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from xvrcore.cli import inputs
from xvrcore.cli.options import add_fields, given_fields
from xvrcore.cli.output import require_writable
from xvrcore.cli.progress import Interruption, ProgressBar, follow
from xvrcore.cli.templates import require_templates
from xvrcore.errors import InputError, WorkError
from xvrcore.evaluation import evaluate
from xvrcore.outputs import POSE, REPORT, write_outputs
from xvrcore.pose_file import PoseFile
from xvrcore.registration import RegistrationSettings, register
from xvrcore.report import write_index
from xvrcore.result import RegistrationResult
from xvrcore.threads import limit_torch
from xvrcore.truth import Truth
from xvrcore.xray import Radiograph

SETTINGS_HELP = {
    "start": "auto, header (its angles), wide (angles unknown) or given (a pose or landmarks)",
    "refiner": "of the best candidate: lm (Levenberg-Marquardt) or adam (the recipe of xvr, slower, a cross-check)",
    "seed": "makes a run repeatable",
    "patience_s": "how long a doubtful result is tried again",
    "refine_principal_point": "let the principal point move with the pose at the end",
    "refine_sdd": "let the source-to-detector distance move with the pose at the end",
}
EXIT_CODES = {"registered": 0, "doubtful": 0, "failed": 1}


def add_arguments(parser):
    parser.add_argument("--out", type=Path, required=True, metavar="DIR",
                        help="folder for pose.json, report.html and pictures; with several X-rays, "
                             "a folder in it for each, named as the X-ray, and index.html")
    inputs.add_volume_arguments(parser)
    inputs.add_xray_arguments(parser)
    inputs.add_start_arguments(parser)
    parser.add_argument("--truth", type=Path, metavar="FILE",
                        help="*_truth.json of the X-rays: lines and reports tell the errors")
    add_fields(parser.add_argument_group("search"), RegistrationSettings, SETTINGS_HELP)
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run(options) -> int:
    settings = RegistrationSettings(**given_fields(RegistrationSettings, options))
    require_templates(options)
    if options.checkpoint is not None or settings.refiner == "adam":
        limit_torch(options.threads)
    radiographs = inputs.read_xrays(options)
    starts = [inputs.starts_for(options, radiograph) for radiograph in radiographs]
    truths = [inputs.truth_for(options.truth, radiograph) for radiograph in radiographs]
    require_writable(options.out)
    folders = result_folders(options.out, radiographs)
    began = time.perf_counter()
    prepared = inputs.prepare(options)
    for start, radiograph in zip(starts, radiographs, strict=True):
        inputs.require_in_view(start, radiograph, prepared.volume)
    starts = inputs.with_network(options, starts, radiographs, prepared.patient)
    batch = Batch(prepared, settings, options.out, say=None if options.json else print)
    batch.say(f"{options.volume.name} prepared in {time.perf_counter() - began:.1f} s")
    for note in prepared.patient.full.attenuation.notes:
        batch.say(note)
    try:
        with Interruption() as interruption:
            for task in map(Task, radiographs, starts, truths, folders):
                batch.register(task, interruption)
    finally:
        batch.finish()
        if options.json:
            print(json.dumps({"volume": str(options.volume), "xrays": batch.rows}, indent=1))
    return batch.exit_code


def result_folders(out: Path, radiographs: list[Radiograph]) -> list[Path]:
    """``out`` for one X-ray; for several, folders in it named after their files, numbered where names are the same.

    Names that differ by case alone are the same: on many disks they would share a folder.
    """
    if len(radiographs) == 1:
        return [out]
    names: list[str] = []
    for radiograph in radiographs:
        stem = radiograph.path.stem
        same = sum(name.casefold() == stem.casefold() or name.casefold().startswith(f"{stem.casefold()}_again_")
                   for name in names)
        names.append(f"{stem}_again_{same}" if same else stem)
    return [out / name for name in names]


@dataclass(frozen=True)
class Task:
    """One X-ray to register: where to start, what is known to be true, and where its results go."""

    radiograph: Radiograph
    start: inputs.HandedIn
    truth: Truth | None
    folder: Path

    @property
    def name(self) -> str:
        """The X-ray's file name."""
        return self.radiograph.path.name


class Batch:
    """X-rays registered one after the other; each one's results are on the disk before the next begins."""

    def __init__(self, prepared: inputs.Prepared, settings: RegistrationSettings, out: Path, say):
        self.prepared, self.settings, self.out = prepared, settings, out
        self.say = say or (lambda line: None)
        self.rows: list[dict] = []
        self.entries: list[tuple[str, PoseFile | str]] = []
        self.exit_code = 0

    def register(self, task: Task, interruption: Interruption) -> None:
        """Register one X-ray and write what comes out; interrupted, write what stands so far and end.

        An X-ray that cannot be registered is said and counted, and the next one has its turn.
        """
        standing: list[RegistrationResult] = []
        try:
            with ProgressBar(task.name) as bar:
                def show(progress):
                    bar.show(progress)
                    standing[:] = [progress.result] if progress.result else standing
                    interruption.check()
                steps = register(task.radiograph, self.prepared.patient, self.settings, task.start.given)
                result = follow(steps, show)
        except KeyboardInterrupt:
            if standing:
                self._keep(task, standing[0])
            raise
        except (InputError, WorkError) as error:
            self._complain(task, error)
        else:
            self._keep(task, result)

    def finish(self) -> None:
        """Write the index of several X-rays."""
        if len(self.entries) > 1:
            write_index(self.out / "index.html", self.entries)

    def _keep(self, task: Task, result: RegistrationResult) -> None:
        result = replace(result, notes=(*task.start.notes, *result.notes))
        errors = evaluate(result.camera, task.truth) if task.truth else None
        pose = write_outputs(task.folder, task.radiograph, result, self.prepared.patient.full.projector,
                             self.prepared.volume, segmentation=self.prepared.segmentation,
                             landmarks=task.start.landmarks, evaluation=errors, seed=self.settings.seed)
        verdict, similarity, seconds = result.verdict, result.scores["similarity"], result.timings_s["total"]
        row = {"xray": str(task.radiograph.path), "folder": str(task.folder), "pose": str(task.folder / POSE),
               "report": str(task.folder / REPORT), "verdict": verdict.label, "confidence": verdict.confidence,
               "similarity": similarity, "seconds": seconds}
        line = (f"{task.name}: {verdict.label}, confidence {verdict.confidence:.2f}, similarity {similarity:.3f}, "
                f"{seconds:.1f} s")
        if errors:
            row["errors"] = errors.as_dict()
            line += f", mRPD {errors.mrpd_mm:.2f} mm, mTRE {errors.mtre_mm:.2f} mm"
        self.rows.append(row)
        self.entries.append((task.folder.name, pose))
        self.exit_code = max(self.exit_code, EXIT_CODES[verdict.label])
        self.say(f"{line}; {task.folder / REPORT}")

    def _complain(self, task: Task, error: Exception) -> None:
        message = " ".join(str(error).split())
        print(f"xvrcore: error: {message}", file=sys.stderr)
        self.entries.append((task.folder.name, message))
        self.rows.append({"xray": str(task.radiograph.path), "error": message})
        self.exit_code = max(self.exit_code, 2 if isinstance(error, InputError) else 1)
