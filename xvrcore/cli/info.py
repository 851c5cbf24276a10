"""``xvrcore info``: versions, devices, and a small known volume rendered by every backend."""

import importlib.util
import json
import os
import time

import numpy as np

from xvrcore.errors import InputError
from xvrcore.pose_file import software_versions
from xvrcore.render import make_projector
from xvrcore.render.backends import BACKENDS
from xvrcore.volume import Volume

WATER_PER_MM = 0.02
CUBE_VOXELS = 32
KERNEL_TOLERANCE = 0.02
"""Relative error allowed to a ray through the middle of the cube: a sampling backend blurs its two faces."""


def add_arguments(parser):
    parser.add_argument("--self-test", action="store_true",
                        help="also X-ray an imaginary patient and register it; the first time, this compiles kernels")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options) -> int:
    report = {"versions": software_versions(), "devices": devices(), "backends": kernels()}
    if options.self_test:
        from xvrcore.cli.self_test import self_test
        report["self_test"] = self_test()
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _show(report)
    return 0


def devices() -> dict:
    """CPU threads, and what torch sees of GPUs, if torch is there."""
    found = {"cpu_threads": os.cpu_count(), "cuda": [], "mps": False}
    if importlib.util.find_spec("torch") is not None:
        import torch
        if torch.cuda.is_available():
            found["cuda"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        found["mps"] = torch.backends.mps.is_available()
    return found


def kernels() -> dict[str, dict]:
    """For every backend: whether a ray through a water cube has the right integral, on which device, how fast."""
    return {name: _kernel(name) for name in BACKENDS}


def _kernel(name: str) -> dict:
    ras_from_ijk = np.eye(4)
    ras_from_ijk[:3, 3] = -(CUBE_VOXELS - 1) / 2
    cube = Volume(np.full((CUBE_VOXELS,) * 3, WATER_PER_MM, np.float32), ras_from_ijk, "attenuation")
    pose = np.eye(4)
    pose[:3, 3] = [0.1, 0.2, -200]
    middle = np.array([[0.0, 0.0, 400.0]])
    try:
        projector = make_projector(cube, name)
        value = float(projector.integrals(pose[None], middle, gradient=True).values[0, 0])
        start = time.perf_counter()
        projector.integrals(pose[None], np.tile(middle, (64 * 64, 1)), gradient=True)
    except (InputError, ImportError) as error:
        return {"ok": False, "problem": " ".join(str(error).split())}
    return {"ok": abs(value / (WATER_PER_MM * CUBE_VOXELS) - 1) < KERNEL_TOLERANCE, "device": projector.device,
            "integral": value, "expected": WATER_PER_MM * CUBE_VOXELS, "ms": 1e3 * (time.perf_counter() - start)}


def _show(report: dict):
    for name, version in report["versions"].items():
        print(f"{name:14s} {version}")
    seen = report["devices"]
    gpus = seen["cuda"] + (["Apple GPU (MPS)"] if seen["mps"] else [])
    print(f"\n{'CPU threads':14s} {seen['cpu_threads']}\n{'GPU':14s} {', '.join(gpus) or 'none'}\n")
    for name, kernel in report["backends"].items():
        if "problem" in kernel:
            print(f"{name:14s} not usable here: {kernel['problem']}")
        else:
            state = "works" if kernel["ok"] else f"WRONG: integral {kernel['integral']:.4f}"
            print(f"{name:14s} {state} on {kernel['device']}, {kernel['ms']:.1f} ms for 64 x 64 rays with gradient")
    if "self_test" in report:
        done = report["self_test"]
        print(f"\n{'self-test':14s} {done['verdict']}, mRPD {done['mrpd_mm']:.2f} mm, {done['seconds']:.1f} s")
