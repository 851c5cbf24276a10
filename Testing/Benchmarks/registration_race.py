"""One X-ray, one rough start, two ways to the pose: xvrcore's registration, and xvr's recipe on the CPU.

xvr's recipe (V. Gopalakrishnan et al., "Rapid patient-specific neural networks for intraoperative X-ray to volume
registration", 2025): Adam on half multi-scale NCC (whole image and 9-pixel patches), half gradient NCC (11-pixel
patches), coarse to fine, the rate falling on plateaus; rendered by nanodrr. Here on its torch backend.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from contenders import nanodrr_subject
from nanodrr.metrics import GradientNormalizedCrossCorrelation2d, MultiscaleNormalizedCrossCorrelation2d
from nanodrr.registration import Registration
from speed_scene import CHEST_CT, camera_of

from xvrcore import rigid
from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Camera
from xvrcore.cli.progress import follow
from xvrcore.evaluation import evaluate
from xvrcore.patient import Patient
from xvrcore.registration import GivenStart, RegistrationSettings, register
from xvrcore.simulate import simulate_xray, write_dicom, write_truth
from xvrcore.truth import read_truth
from xvrcore.volume_io import read_volume
from xvrcore.xray_io import XrayOptions, read_radiograph

XRAY_SIZE = 512
RECIPE_SIZES = (64, 128)
RECIPE_SAMPLES = 250
ROTATION_RATE, TRANSLATION_RATE = 1e-2, 1.0
MOST_ITERATIONS, PATIENCE, PLATEAUS = 500, 10, 3
START_TURN_DEG, START_SHIFT_MM = 10.0, 30.0
STARTS = 3


def race() -> dict:
    """Register from the same starts by both; print times, accuracies and their ratio."""
    ct = read_volume(CHEST_CT)
    attenuation = attenuation_from_ct(ct)
    with tempfile.TemporaryDirectory() as folder:
        radiograph, truth = _example(ct, attenuation, Path(folder))
    patient = Patient(attenuation, ct, "joseph")
    subject = nanodrr_subject(attenuation)
    print(f"\nRegistration of one simulated {XRAY_SIZE}x{XRAY_SIZE} X-ray from starts {START_TURN_DEG:g} degrees and "
          f"{START_SHIFT_MM:g} mm off, without a network\n{'start':>6s}{'mRPD mm at start':>18s}"
          f"{'xvrcore s':>11s}{'mRPD':>7s}{'mTRE':>7s}{'recipe s':>11s}{'mRPD':>7s}{'mTRE':>7s}{'ratio':>8s}")
    _ours(radiograph, patient, truth.camera.ras_from_camera)      # compiles
    rows = [_run(seed, radiograph, patient, subject, truth) for seed in range(STARTS)]
    return {"xray_size": XRAY_SIZE, "recipe_sizes": RECIPE_SIZES, "runs": rows}


def _run(seed: int, radiograph, patient, subject, truth) -> dict:
    generator = np.random.default_rng(seed)
    turn, shift = (v / np.linalg.norm(v) for v in generator.normal(size=(2, 3)))
    twist = np.r_[np.deg2rad(START_TURN_DEG) * turn, START_SHIFT_MM * shift]
    start = rigid.twist_motion(twist, patient.center_ras) @ truth.camera.ras_from_camera
    row = {"start": seed, "start_mrpd_mm": evaluate(Camera(truth.camera.intrinsics, start), truth).mrpd_mm}
    for name, find in (("xvrcore", lambda: _ours(radiograph, patient, start)),
                       ("recipe", lambda: _recipe(radiograph.readings[0], subject, start))):
        began = time.perf_counter()
        pose = find()
        row[f"{name}_s"] = time.perf_counter() - began
        errors = evaluate(Camera(truth.camera.intrinsics, pose), truth)
        row |= {f"{name}_mrpd_mm": errors.mrpd_mm, f"{name}_mtre_mm": errors.mtre_mm}
    row["ratio"] = row["recipe_s"] / row["xvrcore_s"]
    print(f"{seed:6d}{row['start_mrpd_mm']:18.1f}"
          + "".join(f"{row[n + '_s']:11.2f}{row[n + '_mrpd_mm']:7.2f}{row[n + '_mtre_mm']:7.2f}"
                    for n in ("xvrcore", "recipe")) + f"{row['ratio']:8.0f}", flush=True)
    return row


def _example(ct, attenuation, folder: Path):
    """A simulated X-ray with scatter and noise, read back from its DICOM file, and its truth."""
    simulated = simulate_xray(ct, camera_of(attenuation, XRAY_SIZE))
    write_dicom(simulated, folder / "example.dcm")
    write_truth({"example.dcm": simulated}, folder / "example_truth.json", CHEST_CT.name)
    options = XrayOptions(flip=False, polarity=1)
    return read_radiograph(folder / "example.dcm", options), read_truth(folder / "example_truth.json")


def _ours(radiograph, patient, start: np.ndarray) -> np.ndarray:
    steps = register(radiograph, patient, RegistrationSettings(start="given"), (GivenStart("start", start),))
    return follow(steps, lambda progress: None).camera.ras_from_camera


def _recipe(xray, subject, start: np.ndarray) -> np.ndarray:
    """xvr's refinement of a start (4x4): the pose (4x4) after its last step."""
    registration = None
    metrics = MultiscaleNormalizedCrossCorrelation2d([None, 9], [0.5, 0.5]), \
        GradientNormalizedCrossCorrelation2d(11, sigma=0.0)
    for stage, size in enumerate(RECIPE_SIZES):
        image = _standardized(torch.tensor(_shrunk(xray.image, size))[None, None])
        if registration is None:
            registration = _nanodrr_registration(xray.intrinsics, subject, start, size)
        else:
            registration.rescale_(size / RECIPE_SIZES[stage - 1])
        _ascend(registration, lambda drr, image=image: sum(0.5 * metric(image, drr) for metric in metrics), 2.0**stage)
    return registration.pose.detach().numpy()[0].astype(float)


def _nanodrr_registration(intrinsics, subject, start, size: int) -> Registration:
    step = intrinsics.cols / size
    small = intrinsics.region((step - 1) / 2, (step - 1) / 2, step, size, size)
    matrix = small.matrix.copy()
    matrix[:2, 2] += 0.5      # nanodrr's pixel centers
    return Registration(subject, torch.tensor(start[None], dtype=torch.float32),
                        torch.tensor(np.linalg.inv(matrix)[None], dtype=torch.float32),
                        torch.tensor([intrinsics.sdd_mm]), size, size)


def _ascend(registration: Registration, similarity, divisor: float) -> None:
    """Adam with falling rates until the third plateau."""
    optimizer = torch.optim.Adam([{"params": [registration._rot], "lr": ROTATION_RATE / divisor},
                                  {"params": [registration._xyz], "lr": TRANSLATION_RATE / divisor}], maximize=True)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=PATIENCE,
                                                           threshold=1e-4)
    rates = set()
    for _ in range(MOST_ITERATIONS):
        optimizer.zero_grad()
        value = similarity(_standardized(registration(n_samples=RECIPE_SAMPLES, backend="torch"))).sum()
        value.backward()
        optimizer.step()
        scheduler.step(float(value.detach()))
        rates.add(scheduler.get_last_lr()[0])
        if len(rates) > PLATEAUS:
            return


def _shrunk(image: np.ndarray, size: int) -> np.ndarray:
    factor = image.shape[0] // size
    return image.reshape(size, factor, size, factor).mean(axis=(1, 3))


def _standardized(image: torch.Tensor) -> torch.Tensor:
    """xvr's scaling to 0..1, mean 0.15 and standard deviation 0.1 then taken as known."""
    low, high = image.min(), image.max()
    return ((image - low) / (high - low + 1e-6) - 0.15) / 0.1
