"""PNG, TIFF, NRRD, NIfTI and MHA pictures, their geometry in a JSON file of the same name beside them."""

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

from xvrcore.errors import InputError
from xvrcore.xray import Origin
from xvrcore.xray_io.frames import chosen_frames, merge
from xvrcore.xray_io.gray import one_channel
from xvrcore.xray_io.options import XrayOptions
from xvrcore.xray_io.picture import Picture

MEDICAL_SUFFIXES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
"""Formats whose header spacing is in mm; that of PNG and TIFF is about paper."""
PAGED_SUFFIXES = (".tif", ".tiff")
"""Formats whose third dimension is pages, which are frames."""
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", *MEDICAL_SUFFIXES)


def read_image_file(path: Path, frame: str) -> Picture:
    """The picture of a file in a common image format, with the sidecar's geometry.

    :raises InputError: unknown format, unreadable, colored, or three-dimensional.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path} is neither DICOM nor one of {', '.join(s[1:] for s in SUFFIXES)}; convert it.")
    image = _image(path)
    values = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        values = one_channel(values, path)
    paged = path.name.lower().endswith(PAGED_SUFFIXES)
    if values.ndim == 3 and min(values.shape[1:]) > 1 and values.shape[0] > 1 and not paged:
        raise InputError(f"{path} is a volume of {' x '.join(map(str, values.shape[::-1]))} voxels, not an X-ray; "
                         "give it as the CT, or export one picture.")
    values = values.reshape(-1, *values.shape[-2:]) if values.ndim > 2 else values[None]
    how, indices = chosen_frames(frame, len(values), str(path))
    facts = _header_spacing(image, path)
    sidecar, encoding, sense = _sidecar(path)
    integer = np.issubdtype(values.dtype, np.integer)
    value_range = (float(np.iinfo(values.dtype).min), float(np.iinfo(values.dtype).max)) if integer else None
    return Picture(merge((values[i] for i in indices), how), value_range, {**facts, **sidecar}, encoding, sense)


def _image(path: Path) -> sitk.Image:
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        gray = _gray_beside_opacity(path)
        if gray is None:
            raise InputError(f"{path} cannot be read as an image; it is damaged or of another format than its "
                             "name says, export it again.") from error
        return sitk.GetImageFromArray(gray)


def _gray_beside_opacity(path: Path) -> np.ndarray | None:
    """The gray of a gray picture with an opacity channel, which SimpleITK cannot read; None of any other file."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.getchannel("L")) if picture.mode == "LA" else None
    except (OSError, SyntaxError, ValueError):      # what Pillow raises on damaged files
        return None


def _header_spacing(image: sitk.Image, path: Path) -> dict[str, Origin]:
    dx, dy = image.GetSpacing()[:2]
    if not path.name.lower().endswith(MEDICAL_SUFFIXES) or (dx, dy) == (1.0, 1.0):
        return {}
    return {"pixel_spacing_mm": Origin((dy, dx), "derived", "the file's spacing, taken to be at the detector")}


def sidecar_path(path: Path) -> Path:
    """``shot.json`` of ``shot.png`` or ``shot.nii.gz``."""
    stem = path.name[:-7] if path.name.lower().endswith(".nii.gz") else path.stem
    return path.with_name(stem + ".json")


def _sidecar(path: Path) -> tuple[dict[str, Origin], Origin, Origin | None]:
    """Facts, encoding and claimed sense of the JSON beside the picture.

    It may hold the fields of :class:`XrayOptions`, ``encoding`` ("LIN", "LOG", "DISP") and
    ``patient_orientation`` (two letters: where columns and rows grow).
    """
    beside = sidecar_path(path)
    unknown = Origin("", "assumed", "how values follow intensity is not stated: taken as they are")
    if not beside.is_file():
        return {}, unknown, None
    try:
        stated = json.loads(beside.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{beside} is not valid JSON ({error}); correct it.") from error
    if not isinstance(stated, dict):
        raise InputError(f"{beside} is not a JSON object of named values; correct it.")
    encoding, orientation = stated.pop("encoding", None), stated.pop("patient_orientation", None)
    known = XrayOptions.__dataclass_fields__
    for name in stated:
        if name not in known:
            raise InputError(f"{beside} holds {name!r}, which is not known; use {', '.join(known)}, encoding "
                             "or patient_orientation.")
    try:
        checked = XrayOptions(**{name: _numbers(name, value) for name, value in stated.items()})
    except InputError as error:
        raise InputError(f"{beside}: {error}") from error
    facts = {n: Origin(v, "sidecar", beside.name) for n, v in vars(checked).items() if v is not None}
    if orientation is not None:
        if not isinstance(orientation, list) or len(orientation) != 2:
            raise InputError(f"{beside} holds patient_orientation {orientation!r}; give where columns and rows grow, "
                             'as ["L", "F"].')
        facts["patient_orientation"] = Origin(tuple(str(v).upper() for v in orientation), "sidecar", beside.name)
    word = Origin(str(encoding).upper(), "sidecar", beside.name) if encoding else unknown
    sense = Origin(1, "sidecar", beside.name) if word.value == "LIN" else None
    return facts, word, sense


def _numbers(name: str, value):
    """A sidecar's number, pair or truth value; one spacing serves both axes."""
    values = value if isinstance(value, list) else [value]
    if value is not None and not all(isinstance(v, int | float) for v in values):
        raise InputError(f"{name} {value!r} is not a number.")
    if name == "pixel_spacing_mm" and len(values) == 1:
        return tuple(values) * 2
    return tuple(value) if isinstance(value, list) else value
