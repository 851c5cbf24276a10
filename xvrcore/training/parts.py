"""From settings to the parts of a trainer: which network, examples and loss they ask for."""

from dataclasses import replace

import torch

from xvrcore.camera import Intrinsics
from xvrcore.checkpoint import Checkpoint
from xvrcore.errors import InputError
from xvrcore.networks.inputs import network_intrinsics
from xvrcore.networks.poses import RelativePoses
from xvrcore.networks.ranges import PoseRange
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.patient import Patient
from xvrcore.segments import Segmentation
from xvrcore.training.examples import Examples
from xvrcore.training.losses import FiducialLoss, ImageLoss
from xvrcore.training.rendered import RenderedExamples
from xvrcore.training.settings import TrainingSettings


def make_network(settings: TrainingSettings, start: Checkpoint | None = None) -> PoseNetwork:
    """A network of fresh random weights, or one that goes on from those of a checkpoint, of its design."""
    torch.manual_seed(settings.seed)
    if start is not None:
        return start.network()
    network = PoseNetwork(NetworkDesign(settings.network, settings.channels, settings.size, settings.parameterization,
                                        settings.unit_mm))
    network.begin_at_identity()
    return network


def seen_intrinsics(example: Intrinsics, design: NetworkDesign, start: Checkpoint | None = None) -> Intrinsics:
    """What a network sees of an example X-ray's detector: mirrored, if its weights are used to that."""
    found = network_intrinsics(example, design.size)
    if start is None or not start.intrinsics.flipped:
        return found
    cu, cv = found.principal_point_px
    return replace(found, flipped=True, principal_point_px=(found.cols - 1 - cu, cv))


def make_examples(patient: Patient, segmentation: Segmentation | None, pose_range: PoseRange, intrinsics: Intrinsics,
                  design: NetworkDesign, settings: TrainingSettings, relative: RelativePoses | None = None) -> Examples:
    """The patient's examples: drawn by the CPU's ray caster, or on the device if the loss renders there as well.

    :raises InputError: the network sees other channels than are drawn on the device.
    """
    parts = (patient, pose_range, intrinsics, settings.appearance, design.channels, relative)
    if settings.loss == "fiducials":
        return Examples(*parts)
    if design.channels != 1:
        raise InputError(f"The {settings.profile} profile trains networks of one channel, this one has "
                         f"{design.channels}; choose the cpu profile for it.")
    return RenderedExamples(*parts, segmentation=segmentation, device=settings.device)


def make_loss(settings: TrainingSettings, sdd_mm: float, points: torch.Tensor) -> FiducialLoss | ImageLoss:
    """The loss that the settings name.

    :param points: (N, 3) as ``RelativePoses.in_camera`` gives them, for the one that measures distances.
    """
    if settings.loss == "fiducials":
        return FiducialLoss(points)
    return ImageLoss(sdd_mm, settings.geodesic_weight, settings.dice_weight, settings.consistency_weight)
