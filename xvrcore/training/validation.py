"""Unseen X-rays that judge a network: made by the simulator, whose physics training knows nothing of.

They are written as DICOM and read back, so that field, polarity and encoding are found as in a real one's file.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.networks.inputs import reduced
from xvrcore.networks.looks import seen_poses
from xvrcore.networks.poses import RelativePoses, mean_distances
from xvrcore.networks.regressor import PoseNetwork
from xvrcore.patient import Patient
from xvrcore.simulate import (
    Beam,
    Collimator,
    Detector,
    Encoding,
    Phantom,
    Scatter,
    SimulationSettings,
    TissueModel,
    prepare_phantom,
    simulate_xray,
    write_dicom,
)
from xvrcore.training.examples import Examples, fiducials
from xvrcore.xray import Radiograph, Xray
from xvrcore.xray_io import read_radiograph

PIXELS = 256
"""Along the longer side: as fine as registration looks."""
MOST_DRAWS = 100
"""Of poses, in search of one that shows the volume."""
TISSUES = (TissueModel(bone_start_hu=80, bone_scale=0.8, lung_scale=1.3),
           TissueModel(bone_start_hu=150, bone_scale=1.3, lung_scale=0.9))


@dataclass(frozen=True)
class ValidationXray:
    """An X-ray as read from its file, and its true pose."""

    radiograph: Radiograph = field(repr=False)
    camera: Camera

    @property
    def reading(self) -> Xray:
        """The one with the true flip: both are tried when an X-ray is registered."""
        flipped = self.camera.intrinsics.flipped
        return next((one for one in self.radiograph.readings if one.intrinsics.flipped == flipped),
                    self.radiograph.readings[0])


@dataclass(frozen=True)
class Errors:
    """Median, 90th percentile and mean of the mTRE in mm; of a few X-rays the mean tells networks apart best."""

    median_mm: float
    p90_mm: float
    mean_mm: float

    @classmethod
    def of(cls, mtre_mm) -> "Errors":
        return cls(float(np.median(mtre_mm)), float(np.percentile(mtre_mm, 90)), float(np.mean(mtre_mm)))

    @property
    def in_words(self) -> str:
        return f"median error {self.median_mm:.1f} mm, 90th percentile {self.p90_mm:.1f} mm"


def validation_xrays(examples: Examples, example: Intrinsics, count: int, seed: int) -> Iterator[ValidationXray]:
    """``count`` X-rays as the detector ``example`` sees what ``examples`` teach, one after another.

    :raises InputError: hardly a pose of the range shows the volume.
    """
    rng = np.random.default_rng([seed, 1])
    intrinsics, ct = _reduced(example), examples.patient.hounsfield
    phantom = cache(lambda tissue: prepare_phantom(ct, tissue))     # each takes seconds: when its turn comes
    for number in range(count):
        pose = _shown_pose(examples, rng)
        yield _xray(phantom(TISSUES[number % len(TISSUES)]), Camera(intrinsics, pose), _settings(rng))


def _shown_pose(examples: Examples, rng: np.random.Generator) -> np.ndarray:
    """A pose (4x4) of the range that shows the volume: of the others there is nothing to simulate."""
    for _ in range(MOST_DRAWS):
        poses = examples.pose_range.sample(1, examples.center_ras, rng)
        if examples.shown(poses)[0]:
            return poses[0]
    raise InputError("Hardly a pose of this range shows the volume; narrow the shifts or angles.")


def _xray(phantom: Phantom, camera: Camera, settings: SimulationSettings) -> ValidationXray:
    simulated = simulate_xray(phantom, camera, replace(settings, tissue=phantom.model))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "xray.dcm"
        write_dicom(simulated, path)
        return ValidationXray(read_radiograph(path), camera)


def _settings(rng: np.random.Generator) -> SimulationSettings:
    size = tuple(rng.uniform(0.75, 1.0, 2).tolist())
    return SimulationSettings(
        beam=Beam(heel=float(rng.uniform(0, 0.3)), heel_deg=float(rng.uniform(0, 360))),
        detector=Detector(photons=float(rng.uniform(200, 2000)), supersampling=1),
        scatter=Scatter(float(rng.uniform(0.2, 1.5)), float(rng.uniform(20, 50))),
        collimator=Collimator("rectangle" if rng.random() < 0.5 else "none", size),
        encoding=Encoding(("LIN", "LOG", "DISP")[int(rng.integers(3))]), seed=int(rng.integers(1 << 31)))


def _reduced(example: Intrinsics) -> Intrinsics:
    step = max(1.0, max(example.rows, example.cols) / PIXELS)
    rows, cols = int(example.rows / step), int(example.cols / step)
    return example.region((example.cols - cols * step + step - 1) / 2, (example.rows - rows * step + step - 1) / 2,
                          step, rows, cols)


class Validation:
    """The fixed X-rays and what errors are measured with, ready for any number of networks."""

    def __init__(self, xrays: list[ValidationXray], patient: Patient, relative: RelativePoses, intrinsics: Intrinsics):
        self.xrays, self.patient, self.relative, self.intrinsics = xrays, patient, relative, intrinsics
        self._levels = [reduced(one.reading, intrinsics) for one in xrays]
        poses = np.stack([one.camera.ras_from_camera for one in xrays])
        self._truth = tuple(torch.tensor(part, dtype=torch.float32) for part in relative.encoded(poses))
        self._points = torch.tensor(relative.in_camera(fiducials(patient)), dtype=torch.float32)

    def poses_seen_by(self, network: PoseNetwork) -> np.ndarray:
        """``ras_from_camera`` (N, 4, 4) that a network finds."""
        network.eval()
        poses = seen_poses(network, self._levels, self.intrinsics, self.relative)
        network.train()
        return poses

    def mtre_of_poses(self, poses: np.ndarray) -> np.ndarray:
        """Errors (N,) of poses (N, 4, 4) found for the first N X-rays."""
        found = tuple(torch.tensor(part, dtype=torch.float32) for part in self.relative.encoded(poses))
        truth = tuple(part[:len(poses)] for part in self._truth)
        return mean_distances(self._points, found, truth).numpy()
