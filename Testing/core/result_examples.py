"""Small made-up radiographs, volumes and results for the tests of what is written."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore.camera import Camera, Intrinsics
from xvrcore.positioner import Positioner
from xvrcore.render import RayIntegrals
from xvrcore.result import Candidate, RegistrationResult, TracePoint, Verdict
from xvrcore.volume import Volume
from xvrcore.xray import Origin, Radiograph, Xray


def random_camera(rng: np.random.Generator, *, rows=48, cols=64, sdd_mm=1000.0, distance_mm=700.0,
                  center_ras=(0, 0, 0), width_mm=300.0) -> Camera:
    """A camera looking at ``center_ras`` from anywhere: non-square pixels, off-center, mirrored or not."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    pose[:3, 3] = np.asarray(center_ras) - distance_mm * pose[:3, 2] + rng.uniform(-10, 10, 3)
    dx = width_mm / cols
    intrinsics = Intrinsics(sdd_mm, (dx * rng.uniform(0.7, 1.3), dx),
                            ((cols - 1) / 2 + rng.uniform(-5, 5), (rows - 1) / 2 + rng.uniform(-5, 5)), rows, cols,
                            flipped=bool(rng.integers(2)))
    return Camera(intrinsics, pose)


def example_result(rng: np.random.Generator, camera: Camera | None = None, image=None, label="registered",
                   reasons=("The pictures agree.",)) -> tuple[Radiograph, RegistrationResult]:
    """A radiograph and a result with every field filled; the image defaults to a smooth hill in a round field."""
    camera = camera or random_camera(rng)
    initial = Camera(camera.intrinsics, camera.ras_from_camera + _shift(rng))
    rows, cols = camera.intrinsics.rows, camera.intrinsics.cols
    v, u = np.mgrid[:rows, :cols]
    if image is None:
        image = np.exp(-((u / cols - 0.5) ** 2 + (v / rows - 0.5) ** 2) * 8).astype(np.float32)
    mask = (u / cols - 0.5) ** 2 + (v / rows - 0.5) ** 2 < 0.22
    reading = Xray(image, mask, camera.intrinsics, Positioner(10.0, -5.0, 700.0), 1)
    origins = {"sdd_mm": Origin(1000.0, "dicom", "(0018,1110)"), "flip": Origin(False, "derived", "the better fit"),
               "pixel_spacing_mm": Origin(camera.intrinsics.spacing_mm, "user"),
               "principal_point_px": Origin(camera.intrinsics.principal_point_px, "assumed", "image center")}
    radiograph = Radiograph((reading,), origins, Path("shots/knee.dcm"), "ab" * 32, "0")
    result = RegistrationResult(
        camera=camera, initial=initial, final=camera, reading=reading,
        scores={"similarity": 0.8123456789012345, "gradient_ncc": 0.4}, verdict=Verdict(label, 0.97, reasons),
        candidates=(Candidate("header angles", camera, 1, 0.81), Candidate("antipode", initial, -1, 0.2)),
        trace=tuple(TracePoint("refine", cols, i, 0.8 - 0.5 / (i + 1)) for i in range(6)),
        weak_mm={"along the beam": 2.5, "image right": 0.1}, timings_s={"search": 0.5, "refine": 0.25},
        backend="joseph", device="cpu", notes=("The principal point is assumed.",))
    return radiograph, result


def example_volume(path="scans/leg.nii.gz") -> Volume:
    return Volume(np.zeros((2, 3, 4), np.float32), np.eye(4), "HU", Path(path), "cd" * 32)


def _shift(rng) -> np.ndarray:
    shift = np.zeros((4, 4))
    shift[:3, 3] = rng.uniform(-20, 20, 3)
    return shift


class BallProjector:
    """A projector of one ball of attenuation 1/mm, exact at any level; counts the rays it has cast."""

    name, device = "ball", "cpu"

    def __init__(self, center_ras, radius_mm: float, pitch_mm: float = 0.01):
        self.center_ras, self.radius_mm, self.level_pitch_mm = np.asarray(center_ras), radius_mm, (pitch_mm,)
        self.rays = 0

    def integrals(self, poses, targets, *, level=0, gradient=False) -> RayIntegrals:
        """Chord lengths through the ball."""
        ends = np.einsum("bij,nj->bni", poses[:, :3, :3], targets)
        direction = ends / np.linalg.norm(ends, axis=-1, keepdims=True)
        to_center = self.center_ras - poses[:, None, :3, 3]
        along = (direction * to_center).sum(-1)
        miss = (to_center**2).sum(-1) - along**2
        self.rays += len(poses) * len(targets)
        return RayIntegrals((2 * np.sqrt(np.clip(self.radius_mm**2 - miss, 0, None))).astype(np.float32))
