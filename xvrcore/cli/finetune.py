"""``xvrcore finetune``: train a network on synthetic X-rays of one patient, as a job in the background."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from xvrcore.cli import inputs
from xvrcore.cli.templates import add_template_arguments, network_file, require_templates, template_from_patient
from xvrcore.cli.training_options import (
    add_training_arguments,
    begin,
    described,
    kept_options,
    restored,
    restored_options,
)
from xvrcore.errors import InputError
from xvrcore.jobs import Worker
from xvrcore.volume_io import read_volume


def add_arguments(parser):
    inputs.add_volume_arguments(parser)
    _add_start_arguments(parser)
    add_training_arguments(parser)


def run(options) -> int:
    inputs.require_files(options)
    require_templates(options)
    _require_usable(options)
    return begin(options, described(options, "finetune",
                                    volume_options=kept_options(options, inputs.add_volume_arguments),
                                    start_options=kept_options(options, _add_start_arguments)))


def work(worker: Worker) -> dict:
    """A finetuning job's work."""
    worker.say("loading", message="reading the volume")
    from xvrcore.training.finetune import Task, finetune
    from xvrcore.training.team import is_team
    if is_team():
        raise InputError("Finetuning takes one process; start it without torchrun.")
    prepared = inputs.prepare(Namespace(**restored_options(worker.config["volume_options"])))
    start = _start(worker, prepared.volume)
    return finetune(worker, Task(prepared.patient, start=start, segmentation=prepared.segmentation,
                                 **restored(worker.config)))


def _add_start_arguments(parser):
    group = parser.add_argument_group("start: from an earlier network (default: from nothing)")
    group.add_argument("--checkpoint", type=Path, metavar="NETWORK",
                       help="a network that finetune or pretrain made, its job's folder, or xvr's .pth")
    add_template_arguments(group)


def _require_usable(options) -> None:
    """Look at the network to go on from before a job is made of it.

    :raises InputError: it cannot be read, or is of another volume and nothing says how the two lie.
    """
    from xvrcore.checkpoint import read_checkpoint
    if options.checkpoint is None:
        return
    found = read_checkpoint(network_file(options.checkpoint))
    if options.template is None and options.template_transform is None:
        found.frame.poses(read_volume(options.volume, options.modality))


def _start(worker: Worker, volume):
    """The network to go on from, its frame this volume's; kept in the job's folder, so that it is found only once."""
    from xvrcore.checkpoint import read_checkpoint, write_checkpoint
    from xvrcore.networks.frames import RelativeFrame, VolumeIdentity
    from xvrcore.training.files import START
    options, own = Namespace(**restored_options(worker.config["start_options"])), worker.folder.path / START
    if own.is_file():
        return read_checkpoint(own)
    if options.checkpoint is None:
        return None
    found = read_checkpoint(network_file(options.checkpoint))
    relative = found.frame.poses(volume, template_from_patient(options, volume))
    found = replace(found, frame=RelativeFrame(relative, VolumeIdentity.of(volume)))
    write_checkpoint(own, found)
    return found
