"""Where a trained network sees the patient: poses to start a registration from."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import qmc

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.checkpoint import Checkpoint, RelativeFrame, VolumeIdentity, read_checkpoint
from xvrcore.errors import InputError
from xvrcore.initialize.attempts import WIDE_WINDOWS
from xvrcore.initialize.tournament import Entry, play
from xvrcore.networks.inputs import inputs_of
from xvrcore.networks.poses import predicted
from xvrcore.patient import Patient
from xvrcore.registration import GivenStart
from xvrcore.volume import Volume
from xvrcore.xray import Radiograph, Xray

CANDIDATES = 32
"""Poses around a predicted one,"""
SPREAD_DEG, SPREAD_MM, SPREAD_DEPTH_MM = 8.0, 12.0, 25.0
"""at most so far from it: about each axis, across the beam, and along it."""
HANDED_ON = 3
"""Distinct poses, the best of all candidates, from which the registration starts."""
RANKING = replace(WIDE_WINDOWS[0], survivors=HANDED_ON, per_start=0)
EXTENT_TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class Predictor:
    """A network ready for the X-rays of one patient."""

    checkpoint: Checkpoint
    network: torch.nn.Module = field(repr=False)
    patient: Patient = field(repr=False)

    def cameras(self, xrays: list[Xray]) -> list[Camera]:
        """The predicted view of each X-ray, all in one pass of the network."""
        inputs = torch.from_numpy(inputs_of(xrays, self.checkpoint.intrinsics, self.checkpoint.design.channels))
        with torch.no_grad():
            rotations, shifts = predicted(self.network, inputs)
        cameras = self.checkpoint.frame.cameras(rotations.numpy(), shifts.numpy(), self.checkpoint.intrinsics,
                                                self.patient.source)
        return [Camera(xray.intrinsics, camera.ras_from_camera) for xray, camera in zip(xrays, cameras, strict=True)]

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
        playing = play(entries, RANKING)
        while True:
            try:
                next(playing)
            except StopIteration as end:
                return tuple(GivenStart(entry.start, entry.pose) for entry in end.value)


def load_predictor(path: str | Path, patient: Patient) -> Predictor:
    """A network from a file, for X-rays of ``patient``.

    :raises InputError: the file cannot be used, or the network was trained on another volume.
    """
    checkpoint = read_checkpoint(path)
    if isinstance(checkpoint.frame, RelativeFrame):
        _require_same(checkpoint.frame.volume, patient.source, Path(path))
    return Predictor(checkpoint, checkpoint.network(), patient)


def candidates_around(pose: np.ndarray, center_ras: np.ndarray) -> np.ndarray:
    """``pose`` (4x4) and :data:`CANDIDATES` more that fill its surroundings evenly: (N, 4, 4)."""
    unit = 2 * qmc.Sobol(6, seed=0).random(CANDIDATES) - 1
    axes = pose[:3, :3]
    turns = unit[:, :3] * np.deg2rad(SPREAD_DEG)
    shifts = unit[:, 3:] * [SPREAD_MM, SPREAD_MM, SPREAD_DEPTH_MM]
    motions = rigid.twist_motion(np.concatenate([turns @ axes.T, shifts @ axes.T], axis=1), center_ras)
    return np.concatenate([pose[None], motions @ pose])


def _require_same(trained: VolumeIdentity, volume: Volume, path: Path) -> None:
    if trained.sha256 and trained.sha256 == volume.sha256:
        return
    own = VolumeIdentity.of(volume)
    apart = np.abs(np.subtract([trained.center_ras, trained.extent_mm], [own.center_ras, own.extent_mm])).max()
    difference = "the files differ" if apart < EXTENT_TOLERANCE_MM else \
        f"that one measures {_lengths(trained.extent_mm)}, this one {_lengths(own.extent_mm)}"
    raise InputError(f"{path} was trained on another volume than {volume.path or 'this one'} ({difference}); "
                     "finetune a network for this volume.")


def _lengths(extent_mm) -> str:
    return " x ".join(f"{one:.0f}" for one in extent_mm) + " mm"
