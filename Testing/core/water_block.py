"""A CT of a block of water with a bone and an air ball in it, and a C-arm that looks at it."""

import numpy as np

from xvrcore.camera import Camera, Intrinsics
from xvrcore.positioner import camera_pose
from xvrcore.volume import Volume

CENTER = np.array([5.0, -8.0, 12.0])


def water_block() -> Volume:
    """A water block of 60 x 60 x 48 mm with a bone ball and an air ball in it, in air."""
    spacing = np.array([2.0, 2.0, 2.0])
    k, j, i = np.meshgrid(*[(np.arange(n) - (n - 1) / 2) * 2.0 for n in (32, 40, 40)], indexing="ij")
    hu = np.where((np.abs(i) < 30) & (np.abs(j) < 30) & (np.abs(k) < 24), 0.0, -1000.0)
    hu[(i - 10) ** 2 + j ** 2 + k ** 2 < 81] = 1000
    hu[(i + 12) ** 2 + (j + 5) ** 2 + k ** 2 < 64] = -1000
    ras_from_ijk = np.diag([*spacing, 1.0])
    ras_from_ijk[:3, 3] = CENTER - spacing * (np.array(hu.shape[::-1]) - 1) / 2
    return Volume(hu.astype(np.float32), ras_from_ijk, "HU")


def camera(rows=48, cols=64, spacing=2.0, flipped=False, primary=15.0, secondary=-8.0) -> Camera:
    intrinsics = Intrinsics(1000, (spacing, spacing), (cols / 2 + 1.5, rows / 2 - 0.5), rows, cols, flipped)
    return Camera(intrinsics, camera_pose(primary, secondary, 700, CENTER, roll_deg=4))
