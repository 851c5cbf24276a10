"""Known poses of X-rays, and the landmarks that judge a registration: what a ``*_truth.json`` file holds.

A truth file describes one image, or several in a list under ``images``. Of each image this reads ``P_ras``
(3x4, stored pixels from RAS mm), ``K`` (3x3), ``rows``, ``cols``, ``sdd_mm`` and ``landmarks``. The frames are
those of :mod:`xvrcore.camera`; a file whose image is a mirror image has ``det_R`` = -1.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError


@dataclass(frozen=True)
class Truth:
    """The true camera of one image. Landmarks: RAS points (N, 3) mm, pixels (N, 2) as (u, v), depths (N,) mm."""

    image: str
    camera: Camera = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    points_ras: np.ndarray = field(repr=False)
    uv: np.ndarray = field(repr=False)
    depth_mm: np.ndarray = field(repr=False)
    in_image: np.ndarray = field(repr=False)
    in_field: np.ndarray = field(repr=False)
    dicom: Path | None = None


def read_truths(path) -> tuple[Truth, ...]:
    """All images of a truth file.

    :raises InputError: the file is unreadable, is not JSON, or lacks a value.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the truth file ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}.") from error
    records = content.get("images", [content]) if isinstance(content, dict) else []
    if not records:
        raise InputError(f"{path} describes no image; a truth file is an object with P_ras, K and landmarks, "
                         "or a list of them under \"images\".")
    return tuple(_truth(record, path) for record in records)


def read_truth(path, image: str | None = None) -> Truth:
    """The truth of one image of a file, chosen by its name unless it is the only one.

    :raises InputError: as :func:`read_truths`; or the image is not in the file, or not said.
    """
    truths = read_truths(path)
    if image is None and len(truths) == 1:
        return truths[0]
    names = ", ".join(t.image for t in truths)
    if image is None:
        raise InputError(f"{path} holds the truth of several images; name one of: {names}.")
    for truth in truths:
        if truth.image == image:
            return truth
    raise InputError(f"{path} holds no image named {image!r}; it has: {names}.")


def camera_from_projection(projection_ras, calibration, sdd_mm: float, rows: int, cols: int) -> Camera:
    """The camera of a projection matrix P = K [R | t] (3x4, RAS mm), R a rotation or a reflection.

    A reflection says that the stored image is a mirror image: it becomes ``Intrinsics.flipped``, and the
    camera's x axis is turned round to keep the pose proper.
    """
    calibration = np.asarray(calibration, float)
    camera_from_ras = np.linalg.solve(calibration, np.asarray(projection_ras, float))
    flipped = bool(np.linalg.det(camera_from_ras[:, :3]) < 0)
    if flipped:
        camera_from_ras[0] *= -1
    ras_from_camera = np.eye(4)
    ras_from_camera[:3, :3] = camera_from_ras[:, :3].T
    ras_from_camera[:3, 3] = -camera_from_ras[:, :3].T @ camera_from_ras[:, 3]
    spacing = (float(sdd_mm / calibration[1, 1]), float(sdd_mm / calibration[0, 0]))
    center = (float(calibration[0, 2]), float(calibration[1, 2]))
    return Camera(Intrinsics(sdd_mm, spacing, center, rows, cols, flipped), ras_from_camera)


def _truth(record: dict, path: Path) -> Truth:
    try:
        camera = camera_from_projection(record["P_ras"], record["K"], float(record["sdd_mm"]),
                                        int(record["rows"]), int(record["cols"]))
        landmarks = record["landmarks"]
        dicom = record.get("files", {}).get("dicom")
        return Truth(
            image=str(record["image"]), camera=camera, names=tuple(str(mark["name"]) for mark in landmarks),
            points_ras=np.array([mark["ras"] for mark in landmarks], float).reshape(-1, 3),
            uv=np.array([mark["uv"] for mark in landmarks], float).reshape(-1, 2),
            depth_mm=np.array([mark["depth_mm"] for mark in landmarks], float),
            in_image=np.array([mark["in_image"] for mark in landmarks], bool),
            in_field=np.array([mark["in_collimated_field"] for mark in landmarks], bool),
            dicom=path.parent / dicom if dicom else None)
    except KeyError as error:
        raise InputError(f"{path} lacks {error.args[0]!r}; it is not a truth file of this kind.") from error
    except (TypeError, ValueError, AttributeError, np.linalg.LinAlgError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from error
        raise InputError(f"{path} holds a value of the wrong kind: {error}.") from error
