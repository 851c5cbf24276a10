"""Reading a radiograph: what the file says, what the user says, what the picture shows, and what stays open."""

import hashlib
from itertools import product
from pathlib import Path

import numpy as np

from xvrcore.camera import Intrinsics, image_center_px
from xvrcore.dicom_tags import is_dicom
from xvrcore.errors import InputError
from xvrcore.positioner import Positioner
from xvrcore.xray import RISES_WITH_INTENSITY, Origin, Radiograph, Xray
from xvrcore.xray_io.dicom import read_dicom
from xvrcore.xray_io.image_file import read_image_file
from xvrcore.xray_io.options import WORDS, XrayOptions
from xvrcore.xray_io.orientation import USUAL_DISPLAY, flip_for
from xvrcore.xray_io.picture import Picture
from xvrcore.xray_io.views import views

LEAST_SIDE_PX = 16
NEEDED = ("sdd_mm", "pixel_spacing_mm")
EXAMPLES = {"sdd_mm": "--sdd-mm 1000", "pixel_spacing_mm": "--pixel-spacing-mm 0.2"}


def read_radiograph(path, options: XrayOptions | None = None, frame: str = "0") -> Radiograph:
    """One frame of an X-ray file as line-integral-like images with camera, mask and the origin of every value.

    :param path: DICOM (XA, RF, DX, CR; enhanced too), or PNG, TIFF, NRRD, NIfTI or MHA with its geometry in
        ``options`` or in a JSON file of the same name.
    :param frame: an index from "0", or "mean", "max" or "min" of all frames or of a range ("mean:2-10").
    :raises InputError: unreadable, not a gray projection image, constant, or of unknown geometry.

    Where evidence leaves polarity or flip open, ``readings`` holds every combination. Open flips go with
    the angles: see :mod:`xvrcore.xray_io.orientation`; ``origins["patient_orientation"]`` is what it needs.
    """
    path, options = Path(path), options or XrayOptions()
    if not path.is_file():
        what = "is a folder; give the X-ray file in it" if path.is_dir() else "does not exist; check the path"
        raise InputError(f"{path} {what}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not content:
        raise InputError(f"{path} is empty; copy or export it again.")
    stated = frozenset(name for name, value in vars(options).items() if value is not None)
    picture = read_dicom(path, frame, stated) if is_dicom(path) else read_image_file(path, frame)
    _require_picture(picture, path)
    facts = _with_options(picture.facts, options)
    facts.setdefault("principal_point_px", Origin(image_center_px(*picture.values.shape), "assumed",
                                                  "the center of the image"))
    _require_geometry(facts, path)
    _settle_isocenter(facts, path)
    spacing = facts["pixel_spacing_mm"].value
    possible, polarity, found = views(picture, facts.get("polarity"), spacing)
    flips, flip = _flips(facts)
    positioner = Positioner(*(facts[n].value if n in facts else None
                              for n in ("primary_deg", "secondary_deg", "source_isocenter_mm")))
    rows, cols = picture.values.shape
    readings = tuple(
        Xray(view.image, view.mask, Intrinsics(facts["sdd_mm"].value, spacing, facts["principal_point_px"].value,
                                               rows, cols, flipped), positioner, view.polarity)
        for view, flipped in product(possible, flips))
    origins = {**facts, "flip": flip, "polarity": polarity, "encoding": picture.encoding, "field": found}
    return Radiograph(readings, origins, path, hashlib.sha256(content).hexdigest(), str(frame))


def blank_xray(options: XrayOptions, rows: int, cols: int) -> Xray:
    """What an X-ray of a stated geometry would be, without a picture.

    :raises InputError: the geometry is not stated, or impossible.
    """
    facts = _with_options({"principal_point_px": Origin(image_center_px(rows, cols), "assumed")}, options)
    _require_geometry(facts, "a blank X-ray")
    _settle_isocenter(facts, "a blank X-ray")
    sdd, spacing, point = (facts[name].value for name in (*NEEDED, "principal_point_px"))
    intrinsics = Intrinsics(sdd, spacing, point, rows, cols, bool(options.flip))
    positioner = Positioner(options.primary_deg, options.secondary_deg, options.source_isocenter_mm)
    return Xray(np.zeros((rows, cols), np.float32), np.ones((rows, cols), bool), intrinsics, positioner,
                options.polarity or RISES_WITH_INTENSITY)


def _require_picture(picture: Picture, path: Path) -> None:
    values = picture.values
    if min(values.shape) < LEAST_SIDE_PX:
        raise InputError(f"{path} has {values.shape[0]} rows and {values.shape[1]} columns; an X-ray has at least "
                         f"{LEAST_SIDE_PX} of each.")
    if not np.isfinite(values).all():
        raise InputError(f"{path} holds pixels that are not numbers; export it again.")
    if values.min() == values.max():
        raise InputError(f"{path} holds one value, {values.min():g}, in every pixel; choose another file or frame.")


def _with_options(facts: dict[str, Origin], options: XrayOptions) -> dict[str, Origin]:
    stated = {name: Origin(value, "user", "stated") for name, value in vars(options).items() if value is not None}
    return {**facts, **stated}


def _require_geometry(facts: dict[str, Origin], path: Path | str) -> None:
    missing = [name for name in NEEDED if name not in facts]
    if missing:
        raise InputError(f"{path} does not state the {' and the '.join(WORDS[n] for n in missing)}; "
                         f"give {' and '.join(EXAMPLES[n] for n in missing)} (in mm).")


def _settle_isocenter(facts: dict[str, Origin], path: Path | str) -> None:
    """Forget a header's isocenter that lies behind the detector of an SDD stated beside it.

    :raises InputError: a person has put it there.
    """
    isocenter, sdd = facts.get("source_isocenter_mm"), facts["sdd_mm"]
    if isocenter is None or isocenter.value < sdd.value:
        return
    if isocenter.source in ("user", "sidecar"):
        raise InputError(f"{path}: the {WORDS['source_isocenter_mm']}, {isocenter.value:g} mm, is not below the "
                         f"{WORDS['sdd_mm']}, {sdd.value:g} mm; the patient stands between source and detector.")
    del facts["source_isocenter_mm"]


def _flips(facts: dict[str, Origin]) -> tuple[tuple[bool, ...], Origin]:
    """The flips that are possible, likeliest first, and where the first comes from."""
    if "flip" in facts:
        return (bool(facts["flip"].value),), facts["flip"]
    if "primary_deg" not in facts or "secondary_deg" not in facts:
        return (True, False), Origin(True, "assumed", "angles are unknown: both are tried")
    angles = facts["primary_deg"].value, facts["secondary_deg"].value
    orientation = facts.get("patient_orientation")
    decided = flip_for(*angles, orientation.value) if orientation else None
    if decided is not None:
        return (decided,), Origin(decided, "derived", "PatientOrientation and the positioner's angles")
    usual = flip_for(*angles, USUAL_DISPLAY)
    usual = True if usual is None else usual
    return (usual, not usual), Origin(usual, "assumed", "the patient's left shown at the right; both are tried")
