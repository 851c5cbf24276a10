"""How far a found camera is from the true one, measured on landmarks.

* **mRPD** (mm), mean reprojection distance: on the detector, demagnified to the landmark's true depth.
* **mPD** (mm), mean projection distance: the same on the detector itself.
* **mTRE** (mm), mean target registration error: between the landmark in the true and in the found camera frame.
* rotation error (degrees): the angle of the rotation between the two poses.

(After van de Kraats et al., IEEE TMI 24(9), 2005.) One view barely sees depth, and an unknown principal point
cannot be told from an in-plane shift of the patient: an offset of d mm at the detector shifts the pose by about
d * SOD / SDD without moving any landmark's pixel. So mTRE is also given split, in-plane and along the beam: a small
mRPD with a large in-plane mTRE speaks of the principal point, with a large depth mTRE of the SDD or of the view.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.errors import InputError
from xvrcore.truth import Truth

SUCCESS_MRPD_MM = 2.0
"""A registration below this mRPD counts as a success."""


@dataclass(frozen=True)
class Evaluation:
    """Errors over the landmarks inside the image. ``rpd_mm`` and ``tre_mm`` are per landmark, in ``names``' order.

    mRPD and mPD are infinite if a landmark lies behind the found source. ``mtre_in_plane_mm`` and
    ``mtre_depth_mm`` are means of the components across and along the true beam.
    """

    mrpd_mm: float
    mpd_mm: float
    mtre_mm: float
    mtre_in_plane_mm: float
    mtre_depth_mm: float
    rotation_deg: float
    names: tuple[str, ...] = field(repr=False)
    rpd_mm: tuple[float, ...] = field(repr=False)
    tre_mm: tuple[float, ...] = field(repr=False)

    def success(self) -> bool:
        return bool(self.mrpd_mm < SUCCESS_MRPD_MM)

    def as_dict(self) -> dict:
        """For JSON, which knows no infinity (it becomes null), with success at the usual threshold."""
        figures = {key: value if not isinstance(value, float) or np.isfinite(value) else None
                   for key, value in asdict(self).items()}
        figures["rpd_mm"] = [value if np.isfinite(value) else None for value in self.rpd_mm]
        return figures | {"success": self.success(), "success_mrpd_mm": SUCCESS_MRPD_MM}


def evaluate(camera: Camera, truth: Truth) -> Evaluation:
    """Errors of ``camera`` against ``truth``, over the landmarks that lie inside the true image.

    Camera frames are compared with x along the stored image's columns, so that a found camera whose mirror is
    wrong pays for it; where both agree about the mirror, this is the distance between proper camera frames.

    :raises InputError: no landmark lies inside the image.
    """
    if not truth.in_image.any():
        raise InputError(f"The truth of {truth.image} has no landmark inside the image: nothing to measure on.")
    points, depth = truth.points_ras[truth.in_image], truth.depth_mm[truth.in_image]
    true = truth.camera.intrinsics
    dy, dx = true.spacing_mm
    found_uv = camera.project(points)[0]
    shift_mm = np.nan_to_num((found_uv - truth.uv[truth.in_image]) * [dx, dy], nan=np.inf)
    projected = np.linalg.norm(shift_mm, axis=1)
    reprojected = projected * depth / true.sdd_mm
    moved = _in_image_frame(camera, points) - _in_image_frame(truth.camera, points)
    distance = np.linalg.norm(moved, axis=1)
    return Evaluation(
        mrpd_mm=float(reprojected.mean()), mpd_mm=float(projected.mean()), mtre_mm=float(distance.mean()),
        mtre_in_plane_mm=float(np.linalg.norm(moved[:, :2], axis=1).mean()),
        mtre_depth_mm=float(np.abs(moved[:, 2]).mean()),
        rotation_deg=rigid.rotation_angle_deg(camera.ras_from_camera, truth.camera.ras_from_camera),
        names=tuple(name for name, inside in zip(truth.names, truth.in_image, strict=True) if inside),
        rpd_mm=tuple(reprojected.tolist()), tre_mm=tuple(distance.tolist()))


def evaluate_landmarks(camera: Camera, points_ras, pixels, names: tuple[str, ...]) -> Evaluation:
    """Errors of ``camera`` against landmarks marked in the X-ray, whose pose is not known.

    Depths are the found camera's. What needs the true pose (mTRE, rotation) is not a number.

    :param points_ras: (N, 3) mm; ``pixels`` (N, 2) as (u, v) of the stored image.
    """
    uv, depth = camera.project(points_ras)
    dy, dx = camera.intrinsics.spacing_mm
    projected = np.linalg.norm(np.nan_to_num((uv - pixels) * [dx, dy], nan=np.inf), axis=1)
    reprojected = projected * np.where(depth > 0, depth, camera.intrinsics.sdd_mm) / camera.intrinsics.sdd_mm
    return Evaluation(mrpd_mm=float(reprojected.mean()), mpd_mm=float(projected.mean()), mtre_mm=np.nan,
                      mtre_in_plane_mm=np.nan, mtre_depth_mm=np.nan, rotation_deg=np.nan, names=tuple(names),
                      rpd_mm=tuple(reprojected.tolist()), tre_mm=())


def _in_image_frame(camera: Camera, points_ras: np.ndarray) -> np.ndarray:
    """Points in the camera's frame, x turned to run along the stored image's columns."""
    in_camera = rigid.apply(rigid.inverse(camera.ras_from_camera), points_ras)
    return in_camera * [camera.intrinsics.direction, 1, 1]
