"""Small scenes for tests of rendering: oblique anisotropic phantoms and cameras with awkward intrinsics."""

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore.camera import Camera, Intrinsics
from xvrcore.positioner import camera_pose
from xvrcore.volume import Volume


def oblique_frame(rng: np.random.Generator, spacing_mm=(1.1, 0.8, 1.9), flip: bool | None = None) -> np.ndarray:
    """``ras_from_ijk`` (4x4) turned at random; its k axis runs backwards in half of the cases, or as ``flip`` says."""
    frame = np.eye(4)
    frame[:3, :3] = Rotation.random(random_state=rng).as_matrix() @ np.diag(spacing_mm)
    if rng.random() < 0.5 if flip is None else flip:
        frame[:3, 2] *= -1
    frame[:3, 3] = rng.uniform(-80, 80, 3)
    return frame


def oblique_bead(rng: np.random.Generator, shape=(30, 48, 40), sigma_mm: float = 3.0) -> tuple[Volume, np.ndarray]:
    """A Gaussian bead off the center of an oblique anisotropic volume, and its place in RAS."""
    frame = oblique_frame(rng)
    kji = np.array(shape) / 2 + rng.uniform(-0.1, 0.1, 3) * shape
    spacing = np.linalg.norm(frame[:3, :3], axis=0)[::-1]
    axes = [np.exp(-((np.arange(n) - c) * s) ** 2 / (2 * sigma_mm ** 2))
            for n, c, s in zip(shape, kji, spacing, strict=True)]
    values = np.einsum("k,j,i->kji", *axes).astype(np.float32)
    return Volume(values, frame, "attenuation"), frame[:3, :3] @ kji[::-1] + frame[:3, 3]


def blobs(rng: np.random.Generator, shape=(36, 56, 48), count: int = 12, frame=None) -> Volume:
    """A smooth phantom that fades to zero inside an oblique anisotropic volume; blobs of 6 to 12 mm."""
    frame = oblique_frame(rng) if frame is None else frame
    spacing = np.linalg.norm(frame[:3, :3], axis=0)[::-1]
    values = np.zeros(shape)
    for _ in range(count):
        center = np.array(shape) * rng.uniform(0.35, 0.65, 3)
        sigma = rng.uniform(6, 12) / 2
        axes = [np.exp(-((np.arange(n) - c) * s) ** 2 / (2 * sigma ** 2))
                for n, c, s in zip(shape, center, spacing, strict=True)]
        values += rng.uniform(0.005, 0.03) * np.einsum("k,j,i->kji", *axes)
    return Volume(values.astype(np.float32), frame, "attenuation")


def random_camera(rng: np.random.Generator, toward_ras, flipped: bool | None = None, rows: int = 100,
                  cols: int = 130) -> Camera:
    """A C-arm at random angles and roll whose isocenter is near a point; oblong pixels, off-center principal point."""
    center = np.array([cols / 2, rows / 2]) + rng.uniform(-12, 12, 2) * cols / 130
    step = 130 / cols
    flipped = bool(rng.random() < 0.5) if flipped is None else flipped
    intrinsics = Intrinsics(1000.0, (1.3 * step, 1.0 * step), tuple(center), rows, cols, flipped)
    primary, secondary, roll = rng.uniform(-180, 180), rng.uniform(-60, 60), rng.uniform(-180, 180)
    return Camera(intrinsics, camera_pose(primary, secondary, 700.0, toward_ras + rng.uniform(-8, 8, 3), roll))


def bead_centroid(image: np.ndarray) -> np.ndarray:
    """(u, v) of the image's center of mass."""
    rows, cols = np.mgrid[:image.shape[0], :image.shape[1]]
    return np.array([(image * cols).sum(), (image * rows).sum()]) / image.sum()
