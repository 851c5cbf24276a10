"""The truth of simulated X-rays as a JSON file, in the same words as the other ``*_truth.json`` files."""

import json
from pathlib import Path

import numpy as np

from xvrcore.positioner import angles_of
from xvrcore.rigid import RAS_FROM_LPS
from xvrcore.simulate.dicom_writer import collimator_edges
from xvrcore.simulate.landmarks import seen_within
from xvrcore.simulate.metal import Rod
from xvrcore.simulate.simulator import SimulatedXray, isocenter_ras

CONVENTIONS = (
    "world = CT patient coordinates in mm (RAS; LPS has x, y negated). [u*w, v*w, w]^T = P [X, Y, Z, 1]^T "
    "with w = depth along the beam axis in mm (> 0). u = column to the right, v = row down; integer coordinates "
    "are pixel centers, (0, 0) = center of the top-left stored pixel.")


def write_truth(simulated: dict[str, SimulatedXray], path, ct: str) -> None:
    """Write the truth of X-rays, keyed by the paths of their DICOM files relative to ``path``.

    :param ct: what the world is: the CT's file name or description.
    """
    path = Path(path)
    content = {"set": path.stem.removesuffix("_truth"), "conventions": CONVENTIONS, "ct": ct,
               "images": [truth_record(one, name) for name, one in simulated.items()]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def truth_record(simulated: SimulatedXray, dicom: str) -> dict:
    """One image's truth. In P and R, x runs along the stored columns: a mirror image has ``det_R`` = -1."""
    intrinsics, camera = simulated.camera.intrinsics, simulated.camera
    turn = np.diag([intrinsics.direction, 1, 1])
    calibration = intrinsics.matrix @ turn
    projection_lps = camera.projection_ras @ RAS_FROM_LPS
    extrinsic = np.linalg.solve(calibration, projection_lps)
    primary, secondary, roll = angles_of(camera.ras_from_camera)
    center = ((intrinsics.cols - 1) / 2, (intrinsics.rows - 1) / 2)
    dy, dx = intrinsics.spacing_mm
    header = simulated.positioner
    record = {
        "image": Path(dicom).stem, "files": {"dicom": dicom}, "simulator": "xvrcore simulate",
        "rows": intrinsics.rows, "cols": intrinsics.cols, "pixel_spacing_mm": dx if dx == dy else [dy, dx],
        "sdd_mm": intrinsics.sdd_mm, "sid_mm": simulated.isocenter_mm,
        "dicom_sdd_mm": simulated.header_sdd_mm, "dicom_positioner_primary_deg": header.primary_deg,
        "dicom_positioner_secondary_deg": header.secondary_deg,
        "true_primary_deg": primary, "true_secondary_deg": secondary, "inplane_roll_deg_not_in_dicom": roll,
        "principal_point_offset_px_not_in_dicom": np.subtract(intrinsics.principal_point_px, center),
        "image_is_viewed_from": "receptor towards the tube (det R = -1)" if intrinsics.flipped else
        "tube towards the receptor (det R = +1)",
        "P_lps": projection_lps, "P_ras": camera.projection_ras, "K": calibration,
        "R_lps": extrinsic[:, :3], "t_lps": extrinsic[:, 3], "det_R": np.linalg.det(extrinsic[:, :3]),
        "source_ras": camera.source_ras, "isocentre_ras": isocenter_ras(simulated),
        "detector_pixel00_centre_ras": camera.detector_ras(0, 0),
        "beam_axis_source_to_detector_ras": camera.ras_from_camera[:3, 2],
        "encoding": _encoding(simulated), "collimator": _collimator(simulated),
        "scatter_to_primary": simulated.settings.scatter.to_primary, "photons_N0": simulated.photons,
        "seed": simulated.settings.seed, "instruments": _instruments(simulated), "landmarks": _landmarks(simulated)}
    return {key: _plain(value) for key, value in record.items()}


def _encoding(simulated: SimulatedXray) -> dict:
    encoding = simulated.settings.encoding
    rises = "attenuation (bone bright in raw values)" if encoding.kind.endswith("INV") else \
        "intensity (air bright in raw values)"
    return {"kind": encoding.kind, "PixelIntensityRelationship": encoding.kind.removesuffix("INV"),
            "photometric": encoding.photometric, "bits_stored": encoding.bits, "stored_value_grows_with": rises,
            "transfer_syntax": "RLE" if encoding.compression == "rle" else "", "frames": encoding.frames}


def _collimator(simulated: SimulatedXray) -> dict:
    edges, collimator = collimator_edges(simulated), simulated.settings.collimator
    rows, cols = simulated.open_field.shape
    center = [collimator.center[0] * cols - 0.5, collimator.center[1] * rows - 0.5]
    if edges:
        return {"kind": "rect"} | dict(zip(("left", "right", "top", "bottom"), edges, strict=True))
    if collimator.kind == "circle":
        return {"kind": "circle", "center": center, "radius": collimator.size[0] * cols / 2}
    if collimator.kind == "rectangle":
        return {"kind": "rotated_rect", "center": center, "roll_deg": collimator.roll_deg,
                "size": [collimator.size[0] * cols, collimator.size[1] * rows]}
    return {"kind": "none"}


def _instruments(simulated: SimulatedXray) -> list[dict]:
    records = []
    for item in simulated.settings.metal:
        ends = item.outline_ras()
        pixels = simulated.camera.project(ends)[0]
        if isinstance(item, Rod):
            records.append({"material": item.material, "radius_mm": item.radius_mm, "p0_ras": ends[0].tolist(),
                            "p1_ras": ends[1].tolist(), "uv0": pixels[0].tolist(), "uv1": pixels[1].tolist()})
        else:
            records.append({"material": item.material, "corners_ras": ends.tolist(), "corners_uv": pixels.tolist()})
    return records


def _landmarks(simulated: SimulatedXray) -> list[dict]:
    names, points = list(simulated.landmarks), np.array(list(simulated.landmarks.values()), float).reshape(-1, 3)
    uv, depth = simulated.camera.project(points)
    in_image = seen_within(points, simulated.camera, np.ones_like(simulated.open_field))
    in_field = seen_within(points, simulated.camera, simulated.open_field)
    return [{"name": name, "lps": (point * [-1, -1, 1]).tolist(), "ras": point.tolist(), "uv": pixel.tolist(),
             "in_image": bool(image), "in_collimated_field": bool(inside), "depth_mm": float(far)}
            for name, point, pixel, far, image, inside in
            zip(names, points, uv, depth, in_image, in_field, strict=True)]


def _plain(value):
    """NumPy values as JSON ones; what is not finite as null."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
