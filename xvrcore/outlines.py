"""Outlines of a segmentation's segments in perspective: closed polylines in pixels of the stored image."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.contours import trace_contours
from xvrcore.files import write_whole
from xvrcore.pose_file import to_json
from xvrcore.render.silhouette import silhouette
from xvrcore.segments import Segment, Segmentation
from xvrcore.volume import Volume

SCHEMA_VERSION = 1
LONGEST_SIDE_PX = 512
"""Silhouettes are computed on a lattice no finer than this; outlines stay sharper than its pixels."""
RAY_PITCH_VOXELS = 0.75
"""Rays so many voxels apart miss nothing of a surface that is linear between voxels."""
SMOOTHING_VOXELS = 0.5
"""Outlines are smoothed along their length by this part of the largest voxel side, as seen in the image."""


@dataclass(frozen=True)
class SegmentOutline:
    """The outline of one segment: closed polylines (N, 2) of (u, v), first point not repeated.

    Going along one, the segment lies on the right as displayed: outer rims run clockwise, holes the other way.
    A segment that leaves the image is closed along the image's edge.
    """

    segment: Segment
    polylines: tuple[np.ndarray, ...] = field(repr=False)


def segment_outlines(segmentation: Segmentation, camera: Camera,
                     longest_side_px: int = LONGEST_SIDE_PX) -> tuple[SegmentOutline, ...]:
    """Outlines of all segments, in the segmentation's order; a segment outside the image has no polyline."""
    labels = segmentation.labels
    lattice, step, first = _lattice(camera, labels, longest_side_px)
    ijk_from_camera = np.linalg.inv(labels.ras_from_ijk) @ camera.ras_from_camera
    edge = np.array([camera.intrinsics.cols, camera.intrinsics.rows]) - 0.5
    outlines = []
    for segment in segmentation.segments:
        known = 0 < segment.value <= len(segmentation.boxes)
        box = segmentation.boxes[segment.value - 1] if known else None
        contours = [] if box is None else _contours_of(labels.values[box] == segment.value, box, lattice,
                                                       ijk_from_camera)
        outlines.append(SegmentOutline(segment, tuple(np.clip(c * step + first, -0.5, edge) for c in contours)))
    return tuple(outlines)


def write_outlines(path: str | Path, outlines: tuple[SegmentOutline, ...], intrinsics: Intrinsics) -> None:
    """Write ``outlines.json``: per segment its name, color and value, and polylines [[u, v], ...] in stored pixels.

    :raises InputError: the place cannot be written to.
    """
    write_whole(path, to_json({
        "schema_version": SCHEMA_VERSION,
        "pixels": "u right, v down, integers at pixel centers, (0, 0) the top-left pixel of the stored image",
        "rows": intrinsics.rows, "cols": intrinsics.cols,
        "segments": [{"value": o.segment.value, "name": o.segment.name, "color": o.segment.color,
                      "polylines": [np.round(line, 3) for line in o.polylines]} for o in outlines],
    }))


def _lattice(camera: Camera, labels: Volume, longest_side_px: int) -> tuple[Intrinsics, float, np.ndarray]:
    """Where rays are cast: all over the stored image, and not much closer than voxels appear in it.

    :return: intrinsics, and pitch and first point (u, v) in stored pixels.
    """
    stored = camera.intrinsics
    depth = rigid.apply(rigid.inverse(camera.ras_from_camera), labels.center_ras)[2]
    voxel_px = labels.spacing_mm.min() * stored.sdd_mm / max(stored.spacing_mm) / max(depth, stored.sdd_mm / 4)
    step = float(max(1.0, max(stored.rows, stored.cols) / longest_side_px, RAY_PITCH_VOXELS * voxel_px))
    rows, cols = (max(2, math.ceil(n / step)) for n in (stored.rows, stored.cols))
    first = (np.array([stored.cols, stored.rows]) - 1 - (np.array([cols, rows]) - 1) * step) / 2
    return stored.region(*first.tolist(), step, rows, cols), step, first


def _contours_of(inside: np.ndarray, box: tuple[slice, ...], lattice: Intrinsics,
                 ijk_from_camera: np.ndarray) -> list[np.ndarray]:
    """Contours, in lattice pixels, of the silhouette of the voxels ``inside``, cut out of the volume at ``box``."""
    padded = np.pad(inside, 1)
    box_from_camera = ijk_from_camera.copy()
    box_from_camera[:3, 3] -= [part.start - 1 for part in box[::-1]]
    camera_from_box = np.linalg.inv(box_from_camera)
    window = _seen_window(padded.shape, camera_from_box, lattice)
    if window is None:
        return []
    u0, v0, cols, rows = window
    targets = lattice.detector_points(*np.meshgrid(u0 + np.arange(cols), v0 + np.arange(rows))).reshape(-1, 3)
    mask = silhouette(padded, box_from_camera, targets).reshape(rows, cols)
    depth = rigid.apply(camera_from_box, (np.array(padded.shape[::-1]) - 1) / 2)[2]
    voxel_px = np.linalg.norm(camera_from_box[:3, :3], axis=0).max() * lattice.sdd_mm / max(depth, 1.0) \
        / min(lattice.spacing_mm)
    return [_smooth(line + [u0, v0], SMOOTHING_VOXELS * voxel_px, lattice) for line in trace_contours(mask)]


def _smooth(line: np.ndarray, sigma_px: float, lattice: Intrinsics) -> np.ndarray:
    """A closed line with a point about every pixel of its length, without the steps of voxels and slices.

    Where it runs along the image's edge it stays there.
    """
    ends = np.vstack([line, line[:1]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(ends, axis=0), axis=1))]
    count = max(8, round(along[-1]))
    at = np.arange(count) * along[-1] / count
    even = np.stack([np.interp(at, along, ends[:, axis]) for axis in (0, 1)], axis=1)
    sigma = min(sigma_px * count / along[-1], count / 16)          # a small loop must not shrink to a point
    on_edge = ((even < 0) | (even > [lattice.cols - 1, lattice.rows - 1])).any(axis=1)
    return np.where(on_edge[:, None], even, ndimage.gaussian_filter1d(even, sigma, axis=0, mode="wrap"))


def _seen_window(shape: tuple[int, ...], camera_from_ijk: np.ndarray, lattice: Intrinsics):
    """(u0, v0, cols, rows) of the pixels that may see a box of voxels, or None; all of them if it is too close."""
    k, j, i = (np.array([0, n - 1]) for n in shape)
    corners = np.stack(np.meshgrid(i, j, k), axis=-1).reshape(-1, 3)
    in_camera = rigid.apply(camera_from_ijk, corners)
    low, high = np.array([0, 0]), np.array([lattice.cols - 1, lattice.rows - 1])
    if in_camera[:, 2].min() > 1:
        uv = in_camera @ lattice.matrix.T
        uv = uv[:, :2] / uv[:, 2:]
        low = np.maximum(low, np.floor(uv.min(axis=0))).astype(int)
        high = np.minimum(high, np.ceil(uv.max(axis=0))).astype(int)
    elif in_camera[:, 2].max() <= 0:
        return None
    cols, rows = high - low + 1
    return (*low, cols, rows) if cols > 0 and rows > 0 else None
