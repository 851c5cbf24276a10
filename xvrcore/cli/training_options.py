"""What finetune and pretrain ask for alike: a job, a detector, a range of poses, a profile; and back from JSON."""

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from xvrcore.camera import Intrinsics
from xvrcore.cli import inputs
from xvrcore.cli.options import add_fields, given_fields
from xvrcore.errors import InputError
from xvrcore.jobs import JobFolder, launch, state_of
from xvrcore.networks.ranges import ANATOMIES, VIEWS, PoseRange, range_for
from xvrcore.threads import limit_torch
from xvrcore.xray import Xray
from xvrcore.xray_io import blank_xray

SETTINGS_HELP = {
    "minutes": "of training",
    "iterations": "train for exactly so many instead",
    "seed": "makes a run repeatable",
    "validation_xrays": "unseen X-rays that judge the network",
    "consistency_weight": "of a loss on the motions between views, in the gpu profile",
}
RANGE_HELP = {
    "primary_deg": "positioner angle, + is LAO",
    "secondary_deg": "positioner angle, + is CRA",
    "roll_deg": "turn of the image about the beam",
    "right_mm": "of the volume's middle from the beam's axis, towards image right",
    "down_mm": "of the volume's middle from the beam's axis, towards image down",
    "distance_mm": "from the source to the volume's middle",
}


def add_training_arguments(parser) -> None:
    """All options but those that say what is learned from."""
    from xvrcore.networks.resnet import STAGES
    from xvrcore.networks.rotations import PARAMETERIZATIONS
    from xvrcore.training.settings import PROFILES, TrainingSettings
    parser.add_argument("--job", type=Path, required=True, metavar="DIR",
                        help="folder of the job: its progress, its log and the network")
    parser.add_argument("--detach", action="store_true", help="return at once, leaving the job in the background")
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
    training.add_argument("--profile", choices=("auto", *PROFILES), default="auto",
                          help="cpu: a small network; gpu: xvr's recipe; auto: gpu with CUDA (default: auto)")
    training.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda, mps (default: auto)")
    training.add_argument("--batch", type=int, default=SUPPRESS, metavar="N",
                          help="X-rays of one iteration (default: the profile's)")
    training.add_argument("--network", choices=STAGES, default=SUPPRESS, help="of the gpu profile (default: resnet18)")
    training.add_argument("--parameterization", choices=PARAMETERIZATIONS, default=SUPPRESS,
                          help="of the network's rotations (default: the profile's)")
    add_fields(training, TrainingSettings, SETTINGS_HELP)
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all)")


def described(options, kind: str, **learned_from) -> dict:
    """A job's configuration; says on stdout what was chosen.

    :raises InputError: an option is wrong.
    """
    from xvrcore.training.settings import TrainingSettings, chosen_profile
    chosen = chosen_profile(options.profile, options.device)
    given = given_fields(TrainingSettings, options) | {"profile": chosen.profile, "device": chosen.device}
    settings = replace(chosen, **given)
    example = _example(options)
    pose_range = range_for(example, options.anatomy, options.view,
                           **{name: getattr(options, f"range_{name}") for name in RANGE_HELP})
    print(f"Profile {settings.profile} on {settings.device}: {settings.network}, {settings.size} pixels a side, "
          f"{settings.batch} X-rays an iteration.")
    print(pose_range.in_words())
    return {"kind": kind, "threads": options.threads, "intrinsics": asdict(example.intrinsics),
            "range": pose_range.as_dict(), "settings": settings.as_dict(), **learned_from}


def begin(options, config: dict) -> int:
    """Make the job's folder, start its worker and, unless told not to, follow it; the exit code.

    A job that failed before it learned anything, as one with a wrong range, makes way.
    """
    from xvrcore.cli.jobs import follow_job
    from xvrcore.training.files import START, STATE
    job = JobFolder(options.job)
    if job.config.is_file() and state_of(job.path).phase == "failed" and not (job.path / STATE).exists():
        (job.path / START).unlink(missing_ok=True)
        job.clear()
    job.create(config)
    launch(job.path)
    if options.detach:
        print(f"{job.path} works in the background; see it with: xvrcore jobs watch {job.path}")
        return 0
    return follow_job(job.path)


def restored(config: dict) -> dict:
    """From a job's configuration, what tasks take: the range, the example's intrinsics and the settings."""
    from xvrcore.training.settings import settings_from_dict
    limit_torch(config["threads"])
    intrinsics = Intrinsics(**{k: tuple(v) if isinstance(v, list) else v for k, v in config["intrinsics"].items()})
    return {"pose_range": PoseRange(**{k: tuple(v) for k, v in config["range"].items()}), "example": intrinsics,
            "settings": settings_from_dict(config["settings"])}


def kept_options(options, add_arguments: Callable) -> dict:
    """Those options that ``add_arguments(parser)`` adds, as JSON holds them: paths made absolute, as {"path": ...}."""
    parser = ArgumentParser(add_help=False)
    add_arguments(parser)
    said = {action.dest: getattr(options, action.dest) for action in parser._actions if hasattr(options, action.dest)}
    return {name: {"path": str(value.absolute())} if isinstance(value, Path) else value for name, value in said.items()}


def restored_options(kept: dict) -> dict:
    """The inverse of :func:`kept_options`."""
    return {name: Path(value["path"]) if isinstance(value, dict) else value for name, value in kept.items()}


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
