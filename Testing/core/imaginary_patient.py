"""An imaginary patient, small enough to register in a second: a body with bones that nothing repeats."""

from pathlib import Path

import numpy as np

from xvrcore import rigid
from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.patient import Patient
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.render import make_projector
from xvrcore.volume import Volume
from xvrcore.xray import RISES_WITH_INTENSITY, Origin, Radiograph, Xray

SDD_MM, ISOCENTER_MM = 1000.0, 700.0
SIZE, SPACING_MM = 192, 1.5


def ct(rng: np.random.Generator, frame: np.ndarray | None = None) -> Volume:
    """A CT in HU, 80 x 88 x 96 voxels of 2.5 mm: an elliptic body of water with 18 bones of random shape."""
    shape = (80, 88, 96)
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    values = np.where((j / 34) ** 2 + (i / 42) ** 2 < 1, 0.0, -1000.0).astype(np.float32)
    for _ in range(18):
        center = rng.uniform(-1, 1, 3) * [30, 20, 28]
        axes = rng.uniform(2.5, 9, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        local = np.stack([k - center[0], j - center[1], i - center[2]], -1) @ turn / axes
        values[(local**2).sum(-1) < 1] = rng.uniform(300, 1200)
    if frame is None:
        frame = np.diag([2.5, 2.5, 2.5, 1.0])
        frame[:3, 3] = rng.uniform(-200, 200, 3)
    return Volume(values, frame, "HU")


def patient(volume: Volume) -> Patient:
    return Patient(attenuation_from_ct(volume), volume)


def camera(center_ras, rng: np.random.Generator, flipped: bool = True, angles=(0.0, 0.0), away=(8.0, 40.0)) -> Camera:
    """A view near these angles: off by up to ``away`` (degrees, mm) from what its header will say."""
    intrinsics = Intrinsics(SDD_MM, (SPACING_MM, SPACING_MM), image_center_px(SIZE, SIZE), SIZE, SIZE, flipped)
    off = rng.uniform(-1, 1, 3) * away[0]
    isocenter = center_ras + rng.uniform(-1, 1, 3) * away[1]
    return Camera(intrinsics, camera_pose(angles[0] + off[0], angles[1] + off[1], ISOCENTER_MM, isocenter, off[2]))


def picture(volume: Volume, view: Camera, rng: np.random.Generator) -> np.ndarray:
    """Line integrals (rows, cols), bent and noisy, as an X-ray of unknown encoding would show them."""
    attenuation = attenuation_from_ct(volume)
    targets = view.intrinsics.pixel_grid().reshape(-1, 3)
    rays = make_projector(attenuation).integrals(view.ras_from_camera[None], targets)
    image = rays.values.reshape(SIZE, SIZE) ** 0.9
    return (image + rng.normal(0, 0.02, image.shape)).astype(np.float32)


def radiograph(image: np.ndarray, view: Camera, angles=(0.0, 0.0), orientation=("L", "F"), **changes) -> Radiograph:
    """What reading a file with this picture would give; ``changes`` go to its one reading."""
    reading = Xray(**{"image": image, "mask": np.ones(image.shape, bool), "intrinsics": view.intrinsics,
                      "positioner": Positioner(*angles, ISOCENTER_MM), "polarity": RISES_WITH_INTENSITY, **changes})
    origins = {"flip": Origin(view.intrinsics.flipped, "dicom"), "patient_orientation": Origin(orientation, "dicom")}
    return Radiograph((reading,), origins, Path("imaginary.dcm"), "")


def outcome(registering):
    """Run a registration to its end: its result and all of its progress."""
    told = []
    while True:
        try:
            told.append(next(registering))
        except StopIteration as end:
            return end.value, told


def mtre_mm(found: Camera, truth: Camera, center_ras) -> float:
    """Mean distance of the corners of a 100 mm cube about ``center_ras`` in both camera frames."""
    corners = center_ras + 50 * np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    in_found, in_truth = (rigid.apply(rigid.inverse(c.ras_from_camera), corners) for c in (found, truth))
    return float(np.linalg.norm(in_found - in_truth, axis=1).mean())
