"""The gpu profile's training step beside xvr's, written with DiffDRR's renderer and nanodrr's metrics, at one batch.

``python Testing/Benchmarks/training_gpu.py``: both steps in one run, on the GPU if there is one: iterations a second,
seconds to the paper's 500 iterations, peak memory. On a CPU, to see that it works:
``python Testing/Benchmarks/training_gpu.py --size 32 --batch 4 --iterations 3 --warm-up 1``.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import torch
from diffdrr.pose import convert
from diffdrr.renderers import Trilinear
from nanodrr.metrics import DoubleGeodesicSE3, MultiscaleNormalizedCrossCorrelation2d
from speed_scene import CHEST_CT

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Intrinsics
from xvrcore.networks.inputs import between_extremes
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.training.clipping import clip_adaptively
from xvrcore.training.finetune import Task, make_trainer
from xvrcore.training.parts import make_network, seen_intrinsics
from xvrcore.training.settings import TrainingSettings, chosen_profile
from xvrcore.volume_io import read_volume

EXAMPLE = Intrinsics(1000.0, (1.6, 1.6), (127.5, 127.5), 256, 256)
RANGE = PoseRange((-30, 30), (-30, 30), (-30, 30), (-50, 50), (-50, 50), (650, 750))
XVR_SAMPLES = 500
PAPER_ITERATIONS = 500


class XvrStep:
    """xvr's training step: two renderings of 500 samples a ray at full resolution, float32, its loss and optimizer.

    DiffDRR's poses lead from the camera to the patient, so those of the range are handed to it as they are.
    """

    def __init__(self, patient: Patient, settings: TrainingSettings):
        self.settings, self.device = settings, settings.device
        self.network = make_network(settings).to(self.device).train()
        intrinsics = seen_intrinsics(EXAMPLE, self.network.design)
        attenuation, center = patient.full.attenuation, patient.source.center_ras
        self.volume = self._placed(attenuation.values.transpose(2, 1, 0).copy())
        self.targets = self._placed(intrinsics.pixel_grid().reshape(-1, 3))
        self.ijk_from_ras = self._placed(np.linalg.inv(attenuation.ras_from_ijk))
        self.nominal = self._placed(RANGE.nominal(center))
        self.center, self.size = center, intrinsics.rows
        self.renderer = Trilinear(voxel_shift=0.5)
        self.similarity = MultiscaleNormalizedCrossCorrelation2d([None, 9], [0.5, 0.5])
        self.geodesic = DoubleGeodesicSE3(intrinsics.sdd_mm)
        self.optimizer = torch.optim.Adam(self.network.parameters(), settings.learning_rate)
        self.rng = np.random.default_rng(settings.seed)

    def step(self) -> None:
        poses = self._placed(RANGE.sample(self.settings.batch, self.center, self.rng))
        with torch.no_grad():
            images = self._render(poses)
        inputs = between_extremes(images, torch.ones_like(images))
        motions = convert(*self.network(inputs), parameterization=self.settings.parameterization).matrix
        found = self.nominal @ motions
        loss = 1 - self.similarity(images, self._render(found)) + \
            0.01 * self.geodesic(poses, found)[2]
        self.network.zero_grad(set_to_none=True)
        loss.mean().backward()
        clip_adaptively(self.network.parameters(), self.settings.clipping)
        self.optimizer.step()

    def _render(self, poses: torch.Tensor) -> torch.Tensor:
        ijk_from_camera = self.ijk_from_ras @ poses
        ends = self.targets @ ijk_from_camera[:, :3, :3].mT + ijk_from_camera[:, None, :3, 3]
        lengths = self.targets.norm(dim=-1).expand(len(poses), 1, -1)
        values = self.renderer(self.volume, ijk_from_camera[:, None, :3, 3], ends, lengths, n_points=XVR_SAMPLES)
        return values.reshape(-1, 1, self.size, self.size)

    def _placed(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--batch", type=int, default=116)
    parser.add_argument("--iterations", type=int, default=PAPER_ITERATIONS, help="timed ones")
    parser.add_argument("--warm-up", type=int, default=10, help="iterations before")
    parser.add_argument("--out", type=Path, default=Path("bench-output"), help="folder of training_gpu.json")
    options = parser.parse_args()
    settings = replace(chosen_profile("gpu", options.device), size=options.size, batch=options.batch,
                       iterations=options.iterations + options.warm_up)
    ct = read_volume(CHEST_CT)
    patient = Patient(attenuation_from_ct(ct), ct)
    steps = {"xvrcore": lambda: make_trainer(Task(patient, RANGE, EXAMPLE, settings)),
             "xvr's step with DiffDRR": lambda: XvrStep(patient, settings)}
    print(f"{device_name(settings.device)}, torch {torch.__version__}, {settings.network}, {settings.size} pixels a "
          f"side, batch {settings.batch}")
    report = {name: measured(name, make, settings.device, options) for name, make in steps.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "training_gpu.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


def measured(name: str, make, device: str, options) -> dict:
    """Figures of one kind of step; printed too."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    stepping = make()
    for _ in range(options.warm_up):
        stepping.step()
    wait_for(device)
    began = time.perf_counter()
    for _ in range(options.iterations):
        stepping.step()
    wait_for(device)
    rate = options.iterations / (time.perf_counter() - began)
    memory = torch.cuda.max_memory_allocated() if device.startswith("cuda") else psutil.Process().memory_info().rss
    found = {"iterations_per_s": rate, "seconds_to_500": PAPER_ITERATIONS / rate, "memory_gb": memory / 2**30}
    print(f"{name}: {rate:.2f} iterations/s, {PAPER_ITERATIONS} in {PAPER_ITERATIONS / rate:.0f} s, "
          f"{memory / 2**30:.1f} GB at most")
    return found


def wait_for(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device.startswith("mps"):
        torch.mps.synchronize()


def device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else device


if __name__ == "__main__":
    main()
