"""How well a network learns a chest on this machine: errors on unseen simulated X-rays, before and after refinement,
and those of the search that needs no training, all without the header's angles.

``python Testing/Benchmarks/training.py --minutes 3 --xrays 100``: poses within 30 degrees about each axis and 50 mm
along each, X-rays of another seed than training or validation ever saw.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from speed_scene import CHEST_CT

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Intrinsics
from xvrcore.cli.progress import follow
from xvrcore.jobs import JobFolder, StatusReader, Worker
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.prediction import load_predictor
from xvrcore.registration import RegistrationSettings, register
from xvrcore.threads import prepare_threads
from xvrcore.training.files import NETWORK
from xvrcore.training.finetune import Task, finetune, make_trainer
from xvrcore.training.settings import chosen_profile
from xvrcore.training.validation import Validation, validation_xrays
from xvrcore.volume_io import read_volume

EXAMPLE = Intrinsics(1000.0, (1.6, 1.6), (127.5, 127.5), 256, 256)
RANGE = PoseRange((-30, 30), (-30, 30), (-30, 30), (-50, 50), (-50, 50), (650, 750))
TEST_SEED = 987654
WRONG_MM = 10.0
"""mTRE of a pose that is another solution, not an inexact one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="cpu", help="cpu, or gpu where there is one")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--iterations", type=int, help="instead of minutes, for machines with other work")
    parser.add_argument("--xrays", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    prepare_threads(options.threads)
    if options.threads:
        torch.set_num_threads(options.threads)
    ct = read_volume(CHEST_CT)
    patient = Patient(attenuation_from_ct(ct), ct)
    settings = replace(chosen_profile(options.profile), minutes=options.minutes, iterations=options.iterations,
                       seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        task = Task(patient, RANGE, EXAMPLE, settings)
        measure(train(JobFolder(Path(folder)), task), task, options)


def train(job: JobFolder, task: Task):
    """A predictor with a freshly trained network."""
    job.create({"kind": "benchmark"})
    with Worker(job.path) as worker:
        report = finetune(worker, task)
    rates = [r["samples_per_s"] for r in StatusReader(job.status).new_records() if r["phase"] == "training"]
    print(f"{report['iterations']} iterations in {report['trained_s']:.0f} s, {np.median(rates):.0f} images/s; "
          f"{report['message']}")
    return load_predictor(job.path / NETWORK, task.patient)


def measure(predictor, task: Task, options) -> None:
    """Print the errors on X-rays that neither training nor validation saw."""
    patient, relative = task.patient, predictor.checkpoint.frame.relative
    xrays = list(validation_xrays(make_trainer(task).examples, task.example, options.xrays, TEST_SEED))
    test = Validation(xrays, patient, relative, predictor.checkpoint.intrinsics)
    show("network", test.mtre_of_poses(test.poses_seen_by(predictor.network)))
    radiographs = [one.radiograph.without_angles() for one in xrays]
    began = time.perf_counter()
    starts = predictor.starts(radiographs)
    show_registered("network and refinement", test, patient, radiographs, starts, began)
    show_registered("search without a network", test, patient, radiographs, [()] * len(xrays), time.perf_counter())


def show_registered(name: str, test: Validation, patient: Patient, radiographs, starts, began: float) -> None:
    poses, registered = [], []
    for radiograph, given in zip(radiographs, starts, strict=True):
        result = follow(register(radiograph, patient, RegistrationSettings(), given), lambda progress: None)
        poses.append(result.camera.ras_from_camera)
        registered.append(result.verdict.label == "registered")
    seconds = (time.perf_counter() - began) / len(poses)
    mtre_mm = test.mtre_of_poses(np.stack(poses))
    show(name, mtre_mm)
    wrong = int((np.array(registered) & (mtre_mm > WRONG_MM)).sum())
    print(f"    {seconds:.2f} s an X-ray; called registered {sum(registered)}, of these wrongly {wrong}")


def show(name: str, mtre_mm: np.ndarray) -> None:
    print(f"{name}: mTRE median {np.median(mtre_mm):.2f} mm, 90th percentile {np.percentile(mtre_mm, 90):.2f} mm, "
          f"below 2.5 mm {np.mean(mtre_mm < 2.5):.0%} of {len(mtre_mm)}", flush=True)


if __name__ == "__main__":
    main()
