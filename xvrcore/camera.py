"""The pinhole camera of an X-ray view: intrinsics of the stored image, and its pose in RAS.

Camera frame (Hartley-Zisserman): origin at the X-ray source, z from source to detector, y image down.
Its x axis runs along the image's columns, except in a mirrored (``flipped``) image, whose columns run
against it: so the pose stays a proper rotation and no pixel is ever moved.
Pixels: u right, v down, integers at pixel centers, (0, 0) the center of the top-left stored pixel.
"""

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from xvrcore import rigid
from xvrcore.errors import InputError


@dataclass(frozen=True)
class Intrinsics:
    """How the stored image samples the detector. ``spacing_mm`` is (row, column) spacing at the detector."""

    sdd_mm: float
    spacing_mm: tuple[float, float]
    principal_point_px: tuple[float, float]
    rows: int
    cols: int
    flipped: bool = False

    def __post_init__(self):
        numbers = (self.sdd_mm, *self.spacing_mm, *self.principal_point_px)
        if not np.isfinite(numbers).all():
            raise InputError(f"The X-ray geometry holds a value that is not a number: {asdict(self)}.")
        if self.sdd_mm <= 0:
            raise InputError(f"The source-to-detector distance is {self.sdd_mm:g} mm; give a positive one.")
        if min(self.spacing_mm) <= 0:
            raise InputError(f"The pixel spacing is {self.spacing_mm[0]:g} x {self.spacing_mm[1]:g} mm; "
                             "give positive ones.")
        if self.rows < 2 or self.cols < 2:
            raise InputError(f"The X-ray has {self.rows} rows and {self.cols} columns; at least 2 of each are needed.")

    @property
    def direction(self) -> float:
        """+1, or -1 where the image's columns run against the camera's x axis."""
        return -1.0 if self.flipped else 1.0

    @property
    def matrix(self) -> np.ndarray:
        """K (3x3): homogeneous stored pixels from camera coordinates in mm."""
        (dy, dx), (cu, cv) = self.spacing_mm, self.principal_point_px
        return np.array([[self.direction * self.sdd_mm / dx, 0, cu], [0, self.sdd_mm / dy, cv], [0, 0, 1.0]])

    def detector_points(self, u, v) -> np.ndarray:
        """Points (..., 3) on the detector plane, camera frame, mm, of pixels (u, v)."""
        (dy, dx), (cu, cv) = self.spacing_mm, self.principal_point_px
        u, v = np.broadcast_arrays(np.asarray(u, float), np.asarray(v, float))
        return np.stack([self.direction * (u - cu) * dx, (v - cv) * dy, np.full_like(u, self.sdd_mm)], axis=-1)

    def pixel_grid(self) -> np.ndarray:
        """Detector points of all pixels, (rows, cols, 3), camera frame, mm."""
        return self.detector_points(np.arange(self.cols)[None, :], np.arange(self.rows)[:, None])

    def region(self, u0: float, v0: float, step_px: float, rows: int, cols: int) -> "Intrinsics":
        """Intrinsics of an image whose pixel (i, j) lies at stored pixel (u0 + i step, v0 + j step)."""
        (dy, dx), (cu, cv) = self.spacing_mm, self.principal_point_px
        return replace(self, spacing_mm=(dy * step_px, dx * step_px), rows=rows, cols=cols,
                       principal_point_px=((cu - u0) / step_px, (cv - v0) / step_px))

    def mirrored(self) -> "Intrinsics":
        """The same pixels, read as the mirror image: the principal point stays at its stored pixel."""
        return replace(self, flipped=not self.flipped)


def image_center_px(rows: int, cols: int) -> tuple[float, float]:
    """(u, v) of the center of an image, pixel centers at integers."""
    return ((cols - 1) / 2, (rows - 1) / 2)


@dataclass(frozen=True)
class Camera:
    """Intrinsics and the pose ``ras_from_camera`` (4x4, proper rigid, mm)."""

    intrinsics: Intrinsics
    ras_from_camera: np.ndarray = field(repr=False)

    def __post_init__(self):
        object.__setattr__(self, "ras_from_camera", rigid.require_rigid(self.ras_from_camera, "ras_from_camera"))

    @property
    def source_ras(self) -> np.ndarray:
        return self.ras_from_camera[:3, 3]

    @property
    def projection_ras(self) -> np.ndarray:
        """P (3x4): homogeneous stored pixels, scaled by the depth in mm, from homogeneous RAS in mm."""
        return self.intrinsics.matrix @ rigid.inverse(self.ras_from_camera)[:3]

    def project(self, points_ras) -> tuple[np.ndarray, np.ndarray]:
        """Stored pixels (..., 2) as (u, v), and depths (...) in mm, of RAS points; NaN behind the source."""
        in_camera = rigid.apply(rigid.inverse(self.ras_from_camera), np.asarray(points_ras, float))
        depth = in_camera[..., 2]
        scaled = in_camera @ self.intrinsics.matrix.T
        with np.errstate(divide="ignore", invalid="ignore"):
            uv = np.where(depth[..., None] > 0, scaled[..., :2] / depth[..., None], np.nan)
        return uv, depth

    def detector_ras(self, u, v) -> np.ndarray:
        """RAS points (..., 3) of stored pixels on the detector plane."""
        return rigid.apply(self.ras_from_camera, self.intrinsics.detector_points(u, v))

    @property
    def ras_from_ijk(self) -> np.ndarray:
        """IJKToRAS of the stored image as a one-slice volume standing on the detector, k away from the source.

        For a flipped image i runs against the camera's x axis, and k towards the source, keeping the
        determinant positive.
        """
        (dy, dx), (cu, cv) = self.intrinsics.spacing_mm, self.intrinsics.principal_point_px
        sign = self.intrinsics.direction
        camera_from_ijk = np.array([[sign * dx, 0, 0, -sign * cu * dx], [0, dy, 0, -cv * dy],
                                    [0, 0, sign, self.intrinsics.sdd_mm], [0, 0, 0, 1.0]])
        return self.ras_from_camera @ camera_from_ijk
