"""The geometry that a DICOM X-ray's header states or implies, each value with its origin.

At the detector: ImagerPixelSpacing (PS3.3 10.7.1) comes first; PixelSpacing only where the header lets it be
scaled to the detector; then what the field of view's size in mm and in pixels implies.
"""

import numpy as np

from xvrcore.dicom_tags import Tags
from xvrcore.errors import InputError
from xvrcore.xray import Origin

VIEW_ANGLES = {"PA": (0.0, 0.0), "AP": (180.0, 0.0), "LL": (90.0, 0.0), "RL": (-90.0, 0.0)}
"""ViewPosition (0018,5101) as positioner angles: PA exposes from the back, LL has the left side at the detector."""


def facts(tags: Tags, shape: tuple[int, int], stated: frozenset[str] = frozenset()) -> dict[str, Origin]:
    """All geometry of one frame that the header knows, keyed as ``Radiograph.origins``, but for what is ``stated``.

    :raises InputError: a value is malformed, or a spacing is zero or negative.
    """
    found = {**_distances(tags), **_angles(tags)}
    if "pixel_spacing_mm" not in stated:
        found["pixel_spacing_mm"] = _pixel_spacing(tags, shape, found)
    if "principal_point_px" not in stated:
        found["principal_point_px"] = _principal_point(tags, shape)
    orientation = tags.get("PatientOrientation")
    letters = () if orientation is None or isinstance(orientation, str) else tuple(str(v).upper() for v in orientation)
    if len(letters) == 2 and any(letters):
        found["patient_orientation"] = Origin(letters, "dicom", "PatientOrientation")
    return {name: origin for name, origin in found.items() if origin is not None}


def _distances(tags: Tags) -> dict[str, Origin | None]:
    sdd = tags.positive("DistanceSourceToDetector")
    found = {"sdd_mm": sdd and Origin(sdd, "dicom", "DistanceSourceToDetector"), "source_isocenter_mm": None}
    for keyword in ("DistanceSourceToIsocenter", "DistanceSourceToPatient"):
        if found["source_isocenter_mm"] is None and tags.positive(keyword):
            found["source_isocenter_mm"] = Origin(tags.positive(keyword), "dicom", keyword)
    isocenter = found["source_isocenter_mm"]
    if sdd and isocenter and isocenter.value >= sdd:     # a patient behind the detector: one of the two is wrong
        found["source_isocenter_mm"] = isocenter = None
    magnification = tags.positive("EstimatedRadiographicMagnificationFactor")
    if magnification and magnification > 1:
        if sdd and not isocenter:
            found["source_isocenter_mm"] = Origin(
                sdd / magnification, "derived", "DistanceSourceToDetector / EstimatedRadiographicMagnificationFactor")
        elif isocenter and not sdd:
            found["sdd_mm"] = Origin(isocenter.value * magnification, "derived",
                                     f"{isocenter.detail} x EstimatedRadiographicMagnificationFactor")
    return found


def _angles(tags: Tags) -> dict[str, Origin | None]:
    primary, secondary = tags.number("PositionerPrimaryAngle"), tags.number("PositionerSecondaryAngle")
    if primary is not None and secondary is not None:
        return {"primary_deg": _turned(tags, primary, "PositionerPrimaryAngle"),
                "secondary_deg": _turned(tags, secondary, "PositionerSecondaryAngle")}
    view = VIEW_ANGLES.get(tags.word("ViewPosition"))
    if view is None:
        return {}
    detail = f"ViewPosition {tags.word('ViewPosition')}"
    return {"primary_deg": Origin(view[0], "derived", detail), "secondary_deg": Origin(view[1], "derived", detail)}


def _turned(tags: Tags, angle: float, keyword: str) -> Origin:
    """The angle at the frame: a moving positioner lists increments from its first (PS3.3 C.8.7.5.1.3)."""
    increments = tags.numbers(f"{keyword}Increment")
    if tags.word("PositionerMotion") == "DYNAMIC" and tags.frame < len(increments):
        return Origin(angle + increments[tags.frame], "dicom", f"{keyword} and its increment at frame {tags.frame}")
    return Origin(angle, "dicom", keyword)


def _pixel_spacing(tags: Tags, shape: tuple[int, int], found: dict) -> Origin | None:
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = _spacing_pair(tags, keyword)
        if spacing:
            return Origin(spacing, "dicom", keyword)
    return _spacing_at_patient(tags, found) or _spacing_of_elements(tags) or _spacing_of_field(tags, shape)


def _spacing_pair(tags: Tags, keyword: str) -> tuple[float, float] | None:
    values = tags.numbers(keyword)
    if not values:
        return None
    if min(values) <= 0 or len(values) > 2:
        raise InputError(f"{tags.path} holds {keyword} {tags.get(keyword)}, which is no spacing; "
                         "state the true one with --pixel-spacing-mm.")
    return (values[0], values[-1]) if len(values) == 2 else _with_aspect(tags, values[0])


def _with_aspect(tags: Tags, column_mm: float) -> tuple[float, float]:
    """(row, column) spacing from the column spacing and PixelAspectRatio (vertical, horizontal)."""
    aspect = tags.numbers("PixelAspectRatio")
    ratio = aspect[0] / aspect[1] if len(aspect) == 2 and min(aspect) > 0 else 1.0
    return column_mm * ratio, column_mm


def _spacing_at_patient(tags: Tags, found: dict) -> Origin | None:
    """PixelSpacing: calibrated to the patient's depth, or, uncalibrated, that of the detector (PS3.3 10.7.1.3)."""
    spacing = _spacing_pair(tags, "PixelSpacing")
    if not spacing:
        return None
    if tags.get("PixelSpacingCalibrationType") is None:
        return Origin(spacing, "assumed", "PixelSpacing, taken to be at the detector as no calibration is stated")
    sdd, isocenter = found.get("sdd_mm"), found.get("source_isocenter_mm")
    magnification = tags.positive("EstimatedRadiographicMagnificationFactor") or (
        sdd.value / isocenter.value if sdd and isocenter else None)
    if magnification is None:
        return None
    return Origin(tuple(v * magnification for v in spacing), "derived",
                  f"PixelSpacing calibrated in the patient x magnification {magnification:.4g}")


def _spacing_of_elements(tags: Tags) -> Origin | None:
    elements = _spacing_pair(tags, "DetectorElementSpacing")
    if not elements:
        return None
    binning = tags.numbers("DetectorBinning")
    if len(binning) != 2 or min(binning) <= 0:
        return None
    return Origin((elements[0] * binning[0], elements[1] * binning[1]), "derived",
                  "DetectorElementSpacing x DetectorBinning")


def _spacing_of_field(tags: Tags, shape: tuple[int, int]) -> Origin | None:
    for keyword in ("FieldOfViewDimensions", "FieldOfViewDimensionsInFloat"):
        size = tags.numbers(keyword)
        if size and min(size) > 0:
            if len(size) == 2:
                return Origin((size[0] / shape[0], size[1] / shape[1]), "derived", f"{keyword} / rows and columns")
            return Origin(_with_aspect(tags, size[0] / shape[1]), "derived", f"{keyword} / columns")
    diameter = tags.positive("IntensifierSize")
    if diameter:
        return Origin(_with_aspect(tags, diameter / shape[1]), "derived", "IntensifierSize / columns")
    return None


def _principal_point(tags: Tags, shape: tuple[int, int]) -> Origin | None:
    """Where the isocenter falls in the stored image, of headers that say where on the detector both lie.

    The stored pixels are the detector's field of view, cropped at FieldOfViewOrigin, then rotated
    clockwise, then flipped (PS3.3 C.8.11.4.1.1); the isocenter's projection is counted in detector
    elements, columns first (PS3.3 C.8.19.5).
    """
    center, origin = tags.numbers("PositionOfIsocenterProjection"), tags.numbers("FieldOfViewOrigin")
    if len(center) != 2 or len(origin) != 2:
        return None
    binning = tags.numbers("DetectorBinning")
    binning = binning if len(binning) == 2 and min(binning) > 0 else (1.0, 1.0)
    turn = tags.whole("FieldOfViewRotation", 0) % 360
    rows, cols = shape if turn in (0, 180) else shape[::-1]
    v = (center[0] - origin[0] + 0.5) / binning[0] - 0.5
    u = (center[1] - origin[1] + 0.5) / binning[1] - 0.5
    turned = {0: (u, v), 90: (rows - 1 - v, u), 180: (cols - 1 - u, rows - 1 - v), 270: (v, cols - 1 - u)}
    if turn not in turned:
        return None
    u, v = turned[turn]
    if tags.word("FieldOfViewHorizontalFlip") == "YES":
        u = shape[1] - 1 - u
    if not (np.isfinite([u, v]).all() and 0 <= u < shape[1] and 0 <= v < shape[0]):
        return None
    return Origin((u, v), "derived", "PositionOfIsocenterProjection and the field of view's place on the detector")
