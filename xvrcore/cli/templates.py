"""Options that say where a network is, and how the patient lies to the volume, or template, it was trained on."""

from pathlib import Path

import numpy as np

from xvrcore.errors import InputError
from xvrcore.template import read_template_transform, register_to_template
from xvrcore.volume import Volume
from xvrcore.volume_io import read_volume


def add_template_arguments(group) -> None:
    """Options that :func:`template_from_patient` reads."""
    group.add_argument("--template-transform", type=Path, metavar="FILE",
                       help="rigid ITK transform (.tfm, .txt, .h5) that brings this volume onto the one the network "
                            "was trained on, as registering it to that one, or 3D Slicer, writes it")
    group.add_argument("--template-inverse", action="store_true", help="that transform was made the other way round")
    group.add_argument("--template", type=Path, metavar="CT",
                       help="the volume the network was trained on: the transform is found by registering to it")


def network_file(path: Path) -> Path:
    """A network's file, also of the folder of the job that made it."""
    from xvrcore.training.files import NETWORK
    return path / NETWORK if path.is_dir() else path


def require_templates(options) -> None:
    """Look at what the options name before long work begins.

    :raises InputError: both ways are named, or no network that they speak of, or a file cannot be used.
    """
    if options.template is not None and options.template_transform is not None:
        raise InputError("Give --template or --template-transform, not both.")
    if options.checkpoint is None and (options.template is not None or options.template_transform is not None):
        raise InputError("--template and --template-transform speak of a network; give it with --checkpoint.")
    if options.template is not None and not options.template.exists():
        raise InputError(f"{options.template} does not exist; check the path.")
    if options.template_transform is not None:
        read_template_transform(options.template_transform)


def template_from_patient(options, volume: Volume) -> np.ndarray | None:
    """The rigid motion (4x4, RAS) that the options name; None where they name none.

    :raises InputError: a file cannot be used.
    :raises WorkError: the registration to the template fails.
    """
    if options.template_transform is not None:
        return read_template_transform(options.template_transform, options.template_inverse)
    return None if options.template is None else register_to_template(read_volume(options.template), volume)
