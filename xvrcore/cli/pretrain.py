"""``xvrcore pretrain``: train a network on synthetic X-rays of many patients, as a job; under torchrun, in many
processes."""

import json
import time
from argparse import Namespace
from pathlib import Path

from xvrcore.cli import inputs
from xvrcore.cli.training_options import (
    add_training_arguments,
    begin,
    described,
    kept_options,
    restored,
    restored_options,
)
from xvrcore.errors import InputError, WorkError
from xvrcore.jobs import JobFolder, Worker

PATIENCE_S = 60.0
"""How long the other processes wait for the leader to make the job's folder."""
ONE_VOLUME = {"segment_names": None, "show_segments": None, "only_segments": None}


def add_arguments(parser):
    parser.add_argument("--volumes", type=Path, required=True, metavar="DIR",
                        help="folder with CTs or MRs: files, and folders with a DICOM series each")
    parser.add_argument("--segmentations", type=Path, metavar="DIR", help="label maps named as their volumes")
    parser.add_argument("--weights", type=Path, metavar="JSON",
                        help="how often a volume is drawn, by its name without suffix (default: 1)")
    parser.add_argument("--smallest-part", type=float, default=1.0, metavar="SHARE",
                        help="cut volumes at random to boxes whose sides are at least this share of theirs (default: "
                             "1, not at all)")
    parser.add_argument("--groups", type=int, default=4, metavar="N",
                        help="parts of a batch, each of one patient; processes share them out (default: 4)")
    inputs.add_attenuation_arguments(parser)
    add_training_arguments(parser)


def run(options) -> int:
    from xvrcore.cli.jobs import work_in
    from xvrcore.training.cohort import members_in
    from xvrcore.training.team import is_leader, is_team
    members = members_in(options.volumes, options.segmentations, _weights(options.weights))
    if not is_leader():
        _wait_for(JobFolder(options.job))
        return work_in(options.job)
    config = described(options, "pretrain", smallest_part=options.smallest_part,
                       attenuation_options=kept_options(options, inputs.add_attenuation_arguments),
                       members=[{"volume": str(one.volume.absolute()), "weight": one.weight, "segmentation":
                                 None if one.segmentation is None else str(one.segmentation.absolute())}
                                for one in members])
    if not is_team():
        return begin(options, config)
    JobFolder(options.job).create(config)
    return work_in(options.job)


def work(worker: Worker) -> dict:
    """A pretraining job's work."""
    worker.say("loading")
    from xvrcore.training.cohort import Member
    from xvrcore.training.pretrain import PretrainingTask, pretrain
    from xvrcore.training.team import assembled
    config = worker.config
    options = restored_options(config["attenuation_options"])

    def prepare(member: Member):
        prepared = inputs.prepare(Namespace(**options, **ONE_VOLUME, volume=member.volume,
                                            segmentation=member.segmentation))
        return prepared.patient, prepared.segmentation

    members = tuple(Member(Path(one["volume"]), one["segmentation"] and Path(one["segmentation"]), one["weight"])
                    for one in config["members"])
    task = PretrainingTask(members, prepare, smallest_part=config["smallest_part"], **restored(config))
    with assembled() as team:
        return pretrain(worker, task, team)


def _weights(path: Path | None) -> dict[str, float] | None:
    if path is None:
        return None
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a JSON object of numbers by volume name ({error}).") from error


def _wait_for(job: JobFolder) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not job.config.is_file():
        if time.monotonic() > deadline:
            raise WorkError(f"{job.path} was not made by the leading process within {PATIENCE_S:.0f} s.")
        time.sleep(0.05)
