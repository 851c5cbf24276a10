"""Volumes in files for tests: a phantom that stands anywhere, and whether every voxel was read where it is."""

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from xvrcore import rigid


def random_phantom(rng) -> tuple[np.ndarray, np.ndarray]:
    """HU of an anisotropic, oblique, non-cubic grid, and its ``ras_from_ijk`` (determinant of random sign)."""
    values = rng.integers(-1000, 1500, (7, 9, 11)).astype(np.int16)
    ras_from_ijk = np.eye(4)
    ras_from_ijk[:3, :3] = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix() \
        @ np.diag([0.7 * rng.choice([-1, 1]), 1.3, 2.5])
    ras_from_ijk[:3, 3] = rng.uniform(-200, 200, 3)
    return values, ras_from_ijk


def image_of(values, ras_from_ijk) -> sitk.Image:
    lps_from_ijk = rigid.RAS_FROM_LPS @ ras_from_ijk
    spacing = np.linalg.norm(lps_from_ijk[:3, :3], axis=0)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps_from_ijk[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps_from_ijk[:3, 3].tolist())
    return image


def write(path, values, ras_from_ijk=None, compress=False):
    if ras_from_ijk is None:
        ras_from_ijk = np.diag([-1, -1, 2, 1.0])
    sitk.WriteImage(image_of(values, ras_from_ijk), str(path), compress)
    return path


def assert_same_world(volume, values, ras_from_ijk):
    """Every voxel has its value at its RAS place, whatever the axes are called."""
    assert volume.values.dtype == np.float32
    places = np.stack(np.meshgrid(*[np.arange(n) for n in values.shape], indexing="ij"), -1).reshape(-1, 3)
    expected = rigid.apply(ras_from_ijk, places[:, ::-1])
    found = np.round(rigid.apply(np.linalg.inv(volume.ras_from_ijk), expected)).astype(int)
    np.testing.assert_allclose(rigid.apply(volume.ras_from_ijk, found), expected, atol=2e-3)
    np.testing.assert_array_equal(volume.values[tuple(found[:, ::-1].T)], values.ravel())
