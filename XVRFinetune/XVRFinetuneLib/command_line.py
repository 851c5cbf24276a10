"""The words of ``xvrcore finetune`` that say what the panel shows."""

from dataclasses import dataclass

from .subject import CHOSEN

MODALITIES = {"HU": "ct", "MR": "mr"}
RANGES = ("primary_deg", "secondary_deg", "roll_deg", "right_mm", "down_mm", "distance_mm")


@dataclass(frozen=True)
class Order:
    """What is to be trained: ``quantity`` of the volume, the detector (:class:`xvrcore.camera.Intrinsics`), the
    range (:class:`xvrcore.networks.ranges.PoseRange`), an earlier network or None, the motion (4x4, RAS) or None
    that brings the volume onto that network's, and the budget; 0 iterations and threads leave it open."""

    quantity: str
    intrinsics: object
    poseRange: object
    startNetwork: object
    networkFromVolume: object
    profile: str
    minutes: float
    iterations: int
    threads: int
    seed: int


def finetuneWords(order, folder, volumeFile, segmentsFile, templateFile=None):
    """All that the worker needs, so that it depends on no default."""
    words = ["finetune", "--detach", "--job", folder, "--volume", volumeFile,
             "--modality", MODALITIES[order.quantity], *_geometry(order.intrinsics)]
    for name in RANGES:
        words += [f"--range-{name.replace('_', '-')}", *map(_number, getattr(order.poseRange, name))]
    if segmentsFile is not None:
        words += ["--segmentation", segmentsFile, "--only-segments", CHOSEN]
    if order.startNetwork is not None:
        words += ["--checkpoint", order.startNetwork]
    if templateFile is not None:
        words += ["--template-transform", templateFile]
    words += ["--profile", order.profile, "--seed", order.seed]
    words += ["--iterations", order.iterations] if order.iterations else ["--minutes", _number(order.minutes)]
    words += ["--threads", order.threads] if order.threads else []
    return [str(word) for word in words]


def _geometry(intrinsics):
    return ["--size-px", intrinsics.rows, intrinsics.cols, "--sdd-mm", _number(intrinsics.sdd_mm),
            "--pixel-spacing-mm", *map(_number, intrinsics.spacing_mm),
            "--principal-point-px", *map(_number, intrinsics.principal_point_px),
            "--flip", "yes" if intrinsics.flipped else "no"]


def _number(value):
    """Without an exponent, which argparse would take for an option."""
    return f"{value:.9f}"
