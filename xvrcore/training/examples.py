"""Synthetic X-rays of the patient with known poses, as many as training asks for, the same ones for the same seed."""

from dataclasses import dataclass, field

import numpy as np
import torch

from xvrcore import rigid
from xvrcore.attenuation import TISSUE_PER_MM
from xvrcore.camera import Intrinsics
from xvrcore.errors import InputError
from xvrcore.networks.aiming import Reach, aimed, spread, turned
from xvrcore.networks.inputs import network_input
from xvrcore.networks.poses import RelativePoses
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient, Rendering
from xvrcore.render import Projector
from xvrcore.training.appearance import Appearance, mixed, seen

COARSENESS = 1.4
"""Voxels may be this much larger than the image's pixels at the patient."""
LEAST_COVERED = 0.1
"""A pose whose image shows the volume in less than this share of its pixels is not learned from."""
AIMED_SHARE = 0.65
"""Of the examples: seen by a camera turned as a first look at an X-ray would turn it, the others as they are."""
FIDUCIALS = 64


@dataclass(frozen=True)
class Batch:
    """``inputs`` (B, channels, h, w); ``rotations`` and ``shifts`` as of ``RelativePoses``; ``kept`` (B,) 0 or 1."""

    inputs: torch.Tensor = field(repr=False)
    rotations: torch.Tensor = field(repr=False)
    shifts: torch.Tensor = field(repr=False)
    kept: torch.Tensor = field(repr=False)

    def cut(self, part: slice) -> "Batch":
        """Some of the examples."""
        return Batch(self.inputs[part], self.rotations[part], self.shifts[part], self.kept[part])


class Examples:
    """Draws batches: random poses in the range, rendered, and given a random appearance.

    ``relative`` says how the poses are told; by default around the middle of the range.
    """

    def __init__(self, patient: Patient, pose_range: PoseRange, intrinsics: Intrinsics, appearance: Appearance,
                 channels: int, relative: RelativePoses | None = None):
        self.patient, self.pose_range, self.intrinsics = patient, pose_range, intrinsics
        self.appearance, self.channels = appearance, channels
        self.center_ras = patient.source.center_ras
        self.relative = relative or RelativePoses.around(pose_range.nominal(self.center_ras), self.center_ras)
        self._targets = intrinsics.pixel_grid().reshape(-1, 3)
        self._reach = Reach(intrinsics)
        distance = np.mean(pose_range.distance_mm)
        self.pitch_mm = max(intrinsics.spacing_mm) * distance / intrinsics.sdd_mm

    def draw(self, count: int, seed: tuple[int, ...]) -> Batch:
        """``count`` examples; the same ``seed`` gives the same ones."""
        rng = np.random.default_rng(seed)
        poses, turns = self._views(count, rng)
        targets = self._targets + self._detector_off_mm(rng)
        full = self._integrals(self.patient.full, poses, targets)
        bones = torch.zeros_like(full) if self.patient.bones is None else \
            self._integrals(self.patient.bones, poses, targets)
        look = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        images, masks = seen(mixed(full, bones, self.appearance, look), self._reach(_tensor(turns)), self.appearance,
                             look)
        inputs = network_input(images[:, 0].numpy(), masks[:, 0].numpy(), self.channels)
        rotations, shifts = map(_tensor, self.relative.encoded(poses))
        return Batch(torch.from_numpy(inputs), rotations, shifts, covered(full))

    def _views(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Poses (B, 4, 4) drawn from the range, many of them aimed, and the turns (B, 3, 3) that aimed them."""
        poses = self.pose_range.sample(count, self.center_ras, rng)
        aim = rng.random(count) < AIMED_SHARE
        turns = np.where(aim[:, None, None], aimed(poses, self.relative) @ spread(rng.uniform(-1, 1, (count, 3))),
                         np.eye(3))
        return turned(poses, turns), turns

    def shown(self, poses: np.ndarray) -> np.ndarray:
        """Which of the poses (B, 4, 4) show enough of the volume to be learned from, (B,) bool."""
        return covered(self._integrals(self.patient.full, poses, self._targets)).numpy() > 0

    def kept_share(self, count: int = 128, seed: int = 0) -> float:
        """The share of such poses in the range."""
        return float(self.shown(self.pose_range.sample(count, self.center_ras, np.random.default_rng(seed))).mean())

    def _detector_off_mm(self, rng: np.random.Generator) -> np.ndarray:
        """How far a batch's detector is, (3,) in the camera's frame, from where the intrinsics say."""
        look = self.appearance
        across, along = look.principal_point_mm, look.sdd_share * self.intrinsics.sdd_mm
        return rng.uniform(-1, 1, 3) * [across, across, along]

    def _integrals(self, rendering: Rendering, poses: np.ndarray, targets: np.ndarray) -> torch.Tensor:
        level = level_for(rendering.projector, self.pitch_mm)
        values = rendering.projector.integrals(poses, targets, level=level).values
        return torch.from_numpy(values).reshape(len(poses), 1, self.intrinsics.rows, self.intrinsics.cols)


def fiducials(patient: Patient, seed: int = 0) -> np.ndarray:
    """Points (64, 3) in RAS on which errors are measured: in bones, or in the body where there are none.

    :raises InputError: nothing in the volume attenuates.
    """
    bones = patient.bone_attenuation()
    volume = patient.full.attenuation if bones is None else bones
    # at least half bone, as its edges are soft, or denser than the noise of air
    inside = np.flatnonzero(volume.values > (TISSUE_PER_MM if bones is None else volume.values.max() / 2))
    if not len(inside):
        raise InputError(f"{patient.source.path or 'The volume'} shows no body; check that it is a CT or an MR.")
    chosen = np.random.default_rng(seed).choice(inside, FIDUCIALS)
    ijk = np.stack(np.unravel_index(chosen, volume.values.shape)[::-1], axis=-1)
    return rigid.apply(volume.ras_from_ijk, ijk)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def covered(integrals: torch.Tensor) -> torch.Tensor:
    return ((integrals > 0).float().mean(dim=(1, 2, 3)) > LEAST_COVERED).float()


def level_for(projector: Projector, pitch_mm: float) -> int:
    """The coarsest level that is fine enough."""
    fitting = [i for i, pitch in enumerate(projector.level_pitch_mm) if pitch <= COARSENESS * pitch_mm]
    return fitting[-1] if fitting else 0
