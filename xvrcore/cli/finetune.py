"""``xvrcore finetune``: train a network on synthetic X-rays of one patient, as a job in the background."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from xvrcore.camera import Intrinsics
from xvrcore.cli import inputs
from xvrcore.cli.options import add_fields, given_fields
from xvrcore.errors import InputError
from xvrcore.jobs import JobFolder, Worker, launch
from xvrcore.networks.ranges import ANATOMIES, VIEWS, PoseRange, usual_range, with_intervals
from xvrcore.xray import Xray
from xvrcore.xray_io import blank_xray

SETTINGS_HELP = {
    "minutes": "of training",
    "iterations": "train for exactly so many instead",
    "seed": "makes a run repeatable",
    "batch": "X-rays of one iteration",
    "validation_xrays": "unseen X-rays that judge the network",
}
RANGE_HELP = {
    "primary_deg": "positioner angle, + is LAO",
    "secondary_deg": "positioner angle, + is CRA",
    "roll_deg": "turn of the image about the beam",
    "right_mm": "of the volume's middle from the beam's axis, towards image right",
    "down_mm": "of the volume's middle from the beam's axis, towards image down",
    "distance_mm": "from the source to the volume's middle",
}


def add_arguments(parser):
    from xvrcore.training.settings import PROFILES, TrainingSettings
    parser.add_argument("--job", type=Path, required=True, metavar="DIR",
                        help="folder of the job: its progress, its log and the network")
    parser.add_argument("--detach", action="store_true", help="return at once, leaving the job in the background")
    inputs.add_volume_arguments(parser)
    inputs.add_xray_arguments(parser, required=False)
    parser.add_argument("--size-px", type=int, nargs=2, metavar=("ROWS", "COLS"),
                        help="of the detector, where there is no --xray; with --sdd-mm and --pixel-spacing-mm")
    ranges = parser.add_argument_group("range of poses: from anatomy and view, or stated")
    ranges.add_argument("--anatomy", choices=ANATOMIES, default="chest", help="how far views usually depart")
    ranges.add_argument("--view", choices=VIEWS, help="the standard view (default: the X-ray's own angles, else PA)")
    for name, text in RANGE_HELP.items():
        ranges.add_argument(f"--range-{name.replace('_', '-')}", type=float, nargs=2, metavar=("LOW", "HIGH"),
                            help=text)
    training = parser.add_argument_group("training")
    training.add_argument("--profile", choices=PROFILES, default="cpu", help="what fits the machine")
    add_fields(training, TrainingSettings, SETTINGS_HELP)
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all)")


def run(options) -> int:
    from xvrcore.cli.jobs import follow_job
    from xvrcore.training.settings import TrainingSettings
    settings = TrainingSettings(**given_fields(TrainingSettings, options))
    if not options.volume.exists():
        raise InputError(f"{options.volume} does not exist; check the path.")
    example = _example(options)
    base = usual_range(example, options.anatomy, options.view)
    pose_range = with_intervals(base, **{name: getattr(options, f"range_{name}") for name in RANGE_HELP})
    job = JobFolder(options.job)
    job.create({"kind": "finetune", "threads": options.threads, "volume_options": _volume_options(options),
                "intrinsics": asdict(example.intrinsics), "range": pose_range.as_dict(),
                "settings": settings.as_dict()})
    print(pose_range.in_words())
    launch(job.path)
    if options.detach:
        print(f"{job.path} works in the background; see it with: xvrcore jobs watch {job.path}")
        return 0
    return follow_job(job.path)


def work(worker: Worker) -> dict:
    """A finetuning job's work."""
    worker.say("loading", message="reading the volume")
    import torch

    from xvrcore.training.finetune import Task, finetune
    from xvrcore.training.settings import settings_from_dict
    config = worker.config
    if config["threads"]:
        torch.set_num_threads(config["threads"])
    paths = ("volume", "segmentation", "segment_names")
    said = {k: Path(v) if k in paths and v is not None else v for k, v in config["volume_options"].items()}
    patient = inputs.prepare(Namespace(**said)).patient
    intrinsics = Intrinsics(**{k: tuple(v) if isinstance(v, list) else v for k, v in config["intrinsics"].items()})
    pose_range = PoseRange(**{k: tuple(v) for k, v in config["range"].items()})
    return finetune(worker, Task(patient, pose_range, intrinsics, settings_from_dict(config["settings"])))


def _example(options) -> Xray:
    """The X-ray that shows what the network will see, or a blank one of the stated geometry."""
    if options.xray is None:
        if options.size_px is None:
            raise InputError("Give an example X-ray with --xray, or its geometry with --sdd-mm, --pixel-spacing-mm and "
                             "--size-px.")
        return blank_xray(inputs.xray_options(options), *options.size_px)
    if len(options.xray) > 1:
        raise InputError("Give one X-ray as the example of what the network will see.")
    return inputs.read_xrays(options)[0].readings[0]


def _volume_options(options) -> dict:
    """What :func:`xvrcore.cli.inputs.prepare` reads, as JSON holds it, paths made absolute."""
    from argparse import ArgumentParser
    parser = ArgumentParser()
    inputs.add_volume_arguments(parser)
    names = [action.dest for action in parser._actions]
    said = {name: getattr(options, name) for name in names if hasattr(options, name)}
    return {k: str(v.absolute()) if isinstance(v, Path) else v for k, v in said.items()}
