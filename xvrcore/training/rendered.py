"""Examples that never leave the device: drawn, given their looks and handed to the network there."""

from dataclasses import dataclass, field

import numpy as np
import torch

from xvrcore.networks.aiming import Reach
from xvrcore.networks.inputs import between_extremes
from xvrcore.training.appearance import mixed, seen
from xvrcore.training.examples import Batch, Examples, covered
from xvrcore.training.subject import Subject

SEGMENTS_AT_ONCE = 4
"""Segments, drawn at random, that the silhouettes of one batch show."""


@dataclass(frozen=True)
class RenderedBatch(Batch):
    """Also what a rendering at the predicted poses is compared with: ``integrals`` (B, 1, h, w) of the ``subject``
    on a detector ``detector_mm`` off, and ``silhouettes`` (B, segments, h, w) of some of its ``segments``."""

    subject: Subject = field(repr=False)
    detector_mm: torch.Tensor
    integrals: torch.Tensor = field(repr=False)
    segments: list[int]
    silhouettes: torch.Tensor = field(repr=False)


class RenderedExamples(Examples):
    """Draws :class:`RenderedBatch` on ``device``, as xvr's network (one channel) sees them."""

    def __init__(self, *arguments, segmentation=None, device: str):
        super().__init__(*arguments)
        self.subject = Subject(self.patient, segmentation, self.relative, self.intrinsics, self.pitch_mm, device)
        self._reach = Reach(self.intrinsics, device)

    @torch.no_grad()
    def draw(self, count: int, seed: tuple[int, ...]) -> RenderedBatch:
        """``count`` examples; the same ``seed`` gives the same ones on the same kind of device."""
        rng, subject = np.random.default_rng(seed), self.subject
        poses, turns = self._views(count, rng)
        rotations, shifts, turns, off = (_sent(part, subject.device) for part in (
            *self.relative.encoded(poses), turns, self._detector_off_mm(rng)))
        look = torch.Generator(subject.device).manual_seed(int(rng.integers(1 << 62)))
        integrals = subject.integrals(rotations, shifts, off)
        mixture = mixed(integrals, subject.bone_integrals(rotations, shifts, off), self.appearance, look)
        # heavier bones must not make all of the image too dark to tell anything
        mixture = mixture * (integrals.mean((2, 3), keepdim=True) / mixture.mean((2, 3), keepdim=True).clamp_min(1e-6))
        images, masks = seen(mixture, self._reach(turns), self.appearance, look)
        segments = rng.permutation(subject.segment_count)[:SEGMENTS_AT_ONCE].tolist()
        silhouettes = subject.silhouettes(rotations, shifts, off, segments) if segments else integrals[:, :0]
        return RenderedBatch(between_extremes(images, masks), rotations, shifts, covered(integrals), subject, off,
                             integrals, segments, silhouettes)


def _sent(values: np.ndarray, device: str) -> torch.Tensor:
    """To the device as float32, without waiting for it."""
    tensor = torch.from_numpy(np.asarray(values, np.float32))
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor.to(device)
