"""Where a trained network sees the patient: poses to start a registration from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.stats import qmc

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.checkpoint import Checkpoint, read_checkpoint
from xvrcore.initialize.attempts import WIDE_WINDOWS
from xvrcore.initialize.starts import GivenStart
from xvrcore.initialize.tournament import Entry, play
from xvrcore.networks.frames import XvrFrame
from xvrcore.networks.inputs import reduced
from xvrcore.networks.looks import seen_as_they_are, seen_poses
from xvrcore.networks.poses import RelativePoses
from xvrcore.patient import Patient
from xvrcore.xray import Radiograph, Xray

CANDIDATES = 32
"""Poses around a predicted one,"""
SPREAD_DEG, SPREAD_MM, SPREAD_DEPTH_MM = 8.0, 12.0, 25.0
"""at most so far from it: about each axis, across the beam, and along it."""
HANDED_ON = 3
"""Distinct poses, the best of all candidates, from which the registration starts."""


@dataclass(frozen=True)
class Predictor:
    """A network ready for the X-rays of one patient."""

    checkpoint: Checkpoint
    network: torch.nn.Module = field(repr=False)
    patient: Patient = field(repr=False)
    relative: RelativePoses = field(repr=False)

    def cameras(self, xrays: list[Xray]) -> list[Camera]:
        """The predicted view of each X-ray, all in one batch."""
        network, intrinsics = self.network, self.checkpoint.intrinsics
        levels = [reduced(xray, intrinsics) for xray in xrays]
        if isinstance(self.checkpoint.frame, XvrFrame):   # was never taught aimed views
            poses = self.relative.decoded(*seen_as_they_are(network, levels, intrinsics))
        else:
            poses = seen_poses(network, levels, intrinsics, self.relative)
        return [Camera(xray.intrinsics, pose) for xray, pose in zip(xrays, poses, strict=True)]

    def starts(self, radiographs: list[Radiograph]) -> list[tuple[GivenStart, ...]]:
        """For each radiograph the poses to start from: predicted for every reading of it, surrounded by candidates,
        descended a little, and ranked."""
        readings = [reading for radiograph in radiographs for reading in radiograph.readings]
        cameras = iter(self.cameras(readings))
        return [self._ranked([(reading, next(cameras)) for reading in radiograph.readings])
                for radiograph in radiographs]

    def _ranked(self, predictions: list[tuple[Xray, Camera]]) -> tuple[GivenStart, ...]:
        entries = []
        for reading, camera in predictions:
            objective = self.patient.full.objective(reading)
            entries += [Entry("network", objective, pose)
                        for pose in candidates_around(camera.ras_from_camera, self.patient.center_ras)]
        playing = play(entries, WIDE_WINDOWS[0])
        while True:
            try:
                next(playing)
            except StopIteration as end:
                return tuple(GivenStart(entry.start, entry.pose, guess=True)
                             for entry in end.value[:HANDED_ON])


def load_predictor(path: str | Path, patient: Patient, template_from_patient: np.ndarray | None = None) -> Predictor:
    """A network from a file, for X-rays of ``patient``.

    :param template_from_patient: rigid motion (4x4, RAS) of the patient onto the volume that was trained on.
    :raises InputError: the file cannot be used, or the network was trained on another volume and no motion is given.
    """
    checkpoint = read_checkpoint(path)
    relative = checkpoint.frame.poses(patient.source, template_from_patient)
    return Predictor(checkpoint, checkpoint.network(), patient, relative)


def candidates_around(pose: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """``pose`` (4x4) and :data:`CANDIDATES` more that fill its surroundings evenly: (N, 4, 4)."""
    unit = 2 * qmc.Sobol(6, seed=0).random(CANDIDATES) - 1
    axes = pose[:3, :3]
    turns = unit[:, :3] * np.deg2rad(SPREAD_DEG)
    shifts = unit[:, 3:] * [SPREAD_MM, SPREAD_MM, SPREAD_DEPTH_MM]
    motions = rigid.twist_motion(np.concatenate([turns @ axes.T, shifts @ axes.T], axis=1), center_ras)
    return np.concatenate([pose[None], motions @ pose])
