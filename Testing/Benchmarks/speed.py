"""How fast xvrcore is beside DiffDRR, nanodrr and xvr's recipe (``make bench``).

Everything is timed on the CPU in this one run, in turns, because only ratios carry over to other machines. The
sampling renderers take as many samples as they need to be as accurate as our kernel, measured against an
independent reference of 2000 samples a ray. The tables are printed and written to ``bench-output/speed.json``.
"""

import argparse
import json
import os
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path

import numba
import numpy as np
import torch
from contenders import Diffdrr, Nanodrr, Ours, Sampling
from registration_race import race
from speed_scene import camera_of, chest, reference_integrals, reference_targets

from xvrcore.render import make_projector

SIZES = (64, 128, 256, 512)
REPETITIONS = {64: 9, 128: 7, 256: 3, 512: 2}
SAMPLE_COUNTS = tuple(range(200, 1601, 50))
COMPARED_AT = 128
"""Image size at which the number of samples is chosen and the aim of 30x is stated."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads for every contender")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="image widths in pixels")
    parser.add_argument("--skip-registration", action="store_true", help="render only")
    parser.add_argument("--out", type=Path, default=Path("bench-output"), help="folder of speed.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numba.set_num_threads(options.threads)
    report = {"machine": machine(options.threads), "rendering": rendering(options.sizes)}
    if not options.skip_registration:
        report["registration"] = race()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "speed.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"\nAll figures: {options.out / 'speed.json'}")


def machine(threads: int) -> dict:
    """What the figures were measured on."""
    versions = {name: metadata.version(name) for name in ("numba", "torch", "nanodrr", "diffdrr")}
    print(f"{platform.machine()}, {threads} of {os.cpu_count()} CPU threads; "
          + ", ".join(f"{name} {version}" for name, version in versions.items()))
    return {"processor": platform.machine(), "threads": threads, "cpu_count": os.cpu_count(), "versions": versions}


def rendering(sizes) -> list[dict]:
    """Times and errors of all contenders at all sizes."""
    attenuation = chest()
    print(f"\nRendering one {'x'.join(map(str, attenuation.values.shape[::-1]))} CT at full resolution, one pose")
    projector = make_projector(attenuation, "joseph")
    camera = camera_of(attenuation, COMPARED_AT)
    targets = reference_targets(camera)
    reference = reference_integrals(attenuation, camera, targets)
    bound = rms(Ours("", projector, camera, attenuation.center_ras).at(targets) - reference)
    samples = {kind: samples_needed(kind, attenuation, camera, targets, reference, bound)
               for kind in (Nanodrr, Diffdrr)}
    Ours("", projector, camera, attenuation.center_ras).gradient()      # compiles
    print(f"{'renderer':34s}{'size':>6s}{'rms error':>12s}{'forward ms':>12s}{'x ours':>8s}"
          f"{'+gradient ms':>14s}{'x ours':>8s}")
    rows = []
    for size in sizes:
        camera = camera_of(attenuation, size)
        contenders = [Ours("xvrcore, joseph", projector, camera, attenuation.center_ras),
                      *(kind(f"{kind.library}, {count} samples", attenuation, camera, count)
                        for kind, count in samples.items())]
        rows += compare(contenders, size, targets, reference)
    return rows


def samples_needed(kind: type[Sampling], attenuation, camera, targets, reference, bound: float) -> int:
    """The fewest samples with which a renderer errs no more than ``bound`` (rms)."""
    for count in SAMPLE_COUNTS:
        if rms(kind("", attenuation, camera, count).at(targets) - reference) <= bound:
            return count
    return SAMPLE_COUNTS[-1]


def compare(contenders, size: int, targets, reference) -> list[dict]:
    """Time the contenders in turns at one size, print a line for each, the first being what others relate to."""
    times = in_turns([call for c in contenders for call in (c.forward, c.gradient)], REPETITIONS.get(size, 3))
    rows = []
    for contender, forward, gradient in zip(contenders, times[::2], times[1::2], strict=True):
        row = {"renderer": contender.name, "size": size, "rms_error": rms(contender.at(targets) - reference),
               "forward_ms": 1e3 * forward, "forward_ratio": forward / times[0],
               "gradient_ms": 1e3 * gradient, "gradient_ratio": gradient / times[1]}
        print(f"{row['renderer']:34s}{size:6d}{row['rms_error']:12.1e}{row['forward_ms']:12.1f}"
              f"{row['forward_ratio']:8.1f}{row['gradient_ms']:14.1f}{row['gradient_ratio']:8.1f}", flush=True)
        rows.append(row)
    return rows


def in_turns(calls, repetitions: int) -> list[float]:
    """Median seconds of each call, the rounds interleaved."""
    seconds = [[] for _ in calls]
    for _ in range(repetitions):
        for call, taken in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()
