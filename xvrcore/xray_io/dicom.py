"""DICOM XA, RF, DX and CR, classic and enhanced: one frame with its geometry, encoding and shutters."""

from pathlib import Path

import numpy as np
import pydicom

from xvrcore.dicom_tags import DAMAGE, Tags, without_remarks
from xvrcore.errors import InputError
from xvrcore.xray import Origin
from xvrcore.xray_io import dicom_geometry, dicom_pixels, shutters
from xvrcore.xray_io.frames import chosen_frames, merge
from xvrcore.xray_io.picture import Picture

NOT_XRAYS = {"CT", "MR", "PT", "NM", "US", "SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "REG"}


def read_dicom(path: Path, frame: str, stated: frozenset[str] = frozenset()) -> Picture:
    """The chosen frame of an X-ray stored as DICOM.

    :param stated: the facts that the user states: the header's own are not even looked at.
    :raises InputError: not an X-ray, undecodable, in color, or with a malformed header.
    """
    with without_remarks():
        return _picture(path, frame, stated)


def _picture(path: Path, frame: str, stated: frozenset[str]) -> Picture:
    try:
        top = Tags(pydicom.dcmread(path), 0, path)
    except DAMAGE as error:
        raise InputError(f"{path} cannot be read as DICOM ({_one_line(error)}); check or export the file again.") \
            from error
    if top.word("Modality") in NOT_XRAYS:
        raise InputError(f"{path} is a DICOM {top.word('Modality')} object, not an X-ray; give a projection image "
                         "(XA, RF, DX or CR).")
    if min(top.whole("Rows", 0), top.whole("Columns", 0)) < 1:
        raise InputError(f"{path} is a DICOM file without an image; give a projection image (XA, RF, DX or CR).")
    how, indices = chosen_frames(frame, max(1, top.whole("NumberOfFrames", 1)), str(path))
    tags = Tags(top.dataset, indices[0], path)
    form = dicom_pixels.pixel_format(tags)
    transform, value_range, linearized = dicom_pixels.modality_transform(tags, form)
    values = merge((transform(image) for image in dicom_pixels.stored_frames(tags, form, indices)), how)
    least, largest = transform(np.array(form.range, np.float32))      # a table may be flat anywhere between
    sense = _intensity_sense(tags, linearized, rising=bool(largest > least))
    inside = shutters.shutter_mask(tags, values.shape) & dicom_pixels.not_padding(tags, transform, values)
    return Picture(values, value_range, dicom_geometry.facts(tags, values.shape, stated), _encoding(tags, linearized),
                   sense, inside if inside.any() and not inside.all() else None)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _encoding(tags: Tags, linearized: bool) -> Origin:
    word = tags.word("PixelIntensityRelationship")
    if linearized:
        return Origin("LIN", "derived", f"PixelIntensityRelationship {word}, made linear by the Modality LUT")
    if not word:
        return Origin("", "assumed", "the header does not say how values follow intensity: taken as they are")
    return Origin(word, "dicom", "PixelIntensityRelationship")


def _intensity_sense(tags: Tags, linearized: bool, rising: bool) -> Origin | None:
    """What the header claims about the values after the modality transform (PS3.3 C.8.7.1.1.2, C.8.11.3.1.2)."""
    claimed = tags.number("PixelIntensityRelationshipSign")
    if linearized:
        return Origin(1, "dicom", "the Modality LUT that leads back to beam intensity")
    if claimed in (1, -1):
        sense, detail = int(claimed), "PixelIntensityRelationshipSign"
    elif tags.word("PixelIntensityRelationship") == "LIN":
        sense, detail = 1, "PixelIntensityRelationship LIN"
    else:
        return None
    return Origin(sense if rising else -sense, "dicom", detail)
