"""The CT's own table, which the X-rays of a C-arm do not show.

A table is told from anatomy by what no anatomy does: seen along the patient it is a wide, shallow plate that is in
every slice at the same place, with air around it in every slice. Anything else stays: arms and hands beside the body,
limbs, bodies cut off by the field of view, and a table that touches the skin.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from xvrcore.volume import Volume

DENSE_HU = -700.0
"""Denser than foam, mattresses and lungs."""
SLICES, PITCH_MM = 32, 1.5
"""The search looks at so many slices, about this finely."""
ALWAYS = 0.1
"""Share of the slices that may be an exception."""
ALONG = 0.95
"""Cosine between the patient's axes and the grid's, below which the volume counts as oblique and no table is sought."""
MIN_WIDTH_MM, MAX_HEIGHT_TO_WIDTH = 150.0, 0.25
RING_MM, MAX_RING_SHARE = 4.0, 0.25
"""The ring around a plate that has to be air, and the share of it that need not be."""


@dataclass(frozen=True)
class Table:
    """``region`` is what to clear in every slice, (front-back, sideways) voxels of the grid turned by ``order``."""

    region: np.ndarray
    order: tuple[int, int, int]
    width_mm: float

    def erase(self, values: np.ndarray, air: float = 0) -> None:
        """Write ``air`` into the table in ``values`` [k, j, i]."""
        for plane in values.transpose(self.order):
            plane[self.region] = air


def find_table(volume: Volume) -> Table | None:
    """The table in a CT (HU), with all that lies beyond it as seen from the patient; None where there is none."""
    axes = volume.ras_from_ijk[:3, :3] / volume.spacing_mm
    kji = [int(np.abs(axes[world]).argmax()) for world in (2, 1, 0)]      # ijk axes along S, A, R
    if any(abs(axes[world, axis]) < ALONG for world, axis in zip((2, 1, 0), kji, strict=True)):
        return None
    order = tuple(2 - axis for axis in kji)
    pitch = volume.spacing_mm[kji[1:]]
    step = np.maximum(1, (PITCH_MM / pitch).astype(int))
    planes = volume.values.transpose(order)
    chosen = np.linspace(0, len(planes) - 1, min(len(planes), SLICES)).round().astype(int)
    ladder = np.sort(np.stack([planes[k][::step[0], ::step[1]] for k in chosen]), axis=0)
    seldom = int(ALWAYS * len(chosen))
    always, sometimes = ladder[seldom] > DENSE_HU, ladder[-1 - seldom] > DENSE_HU
    plate, toward_high = _plate(always, sometimes, pitch * step)
    if plate is None:
        return None
    region = _beyond(_grown(plate), toward_high)
    columns = np.flatnonzero(plate.any(axis=0))
    region = region.repeat(step[0], 0).repeat(step[1], 1)[:planes.shape[1], :planes.shape[2]]
    return Table(region, order, float((columns[-1] - columns[0] + 1) * pitch[1] * step[1]))


def _plate(always: np.ndarray, sometimes: np.ndarray, pitch_mm: np.ndarray) -> tuple[np.ndarray | None, bool]:
    """The widest plate of the map of what is always dense, and whether its far side is at high rows."""
    labels, count = ndimage.label(always, np.ones((3, 3)))
    if count < 2:
        return None, False
    sizes = np.bincount(labels.ravel())[1:]
    body = labels == 1 + sizes.argmax()
    body_row = np.nonzero(body)[0].mean()
    best, best_width, toward_high = None, MIN_WIDTH_MM, False
    ring = np.maximum(1, np.round(RING_MM / pitch_mm)).astype(int)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        height, width = (rows.stop - rows.start) * pitch_mm[0], (columns.stop - columns.start) * pitch_mm[1]
        if label == 1 + sizes.argmax() or width < best_width or height > MAX_HEIGHT_TO_WIDTH * width:
            continue
        plate = labels == label
        around = ndimage.binary_dilation(plate, np.ones(2 * ring + 3)) & ~_grown(plate)
        high = bool(np.nonzero(plate)[0].mean() > body_row)
        if sometimes[around].mean() <= MAX_RING_SHARE and _one_side(plate, sometimes, high):
            best, best_width, toward_high = plate, width, high
    return best, toward_high


def _one_side(plate: np.ndarray, sometimes: np.ndarray, toward_high: bool) -> bool:
    """Whether less than the plate itself lies beyond it: what is on both sides of the patient is no table."""
    beyond = _beyond(plate, toward_high) & ~_grown(plate, 2)
    return np.count_nonzero(sometimes & beyond) < np.count_nonzero(plate)


def _grown(mask: np.ndarray, voxels: int = 1) -> np.ndarray:
    return ndimage.binary_dilation(mask, np.ones((2 * voxels + 1, 2 * voxels + 1)))


def _beyond(plate: np.ndarray, toward_high: bool) -> np.ndarray:
    """The plate and everything behind it, column by column."""
    if toward_high:
        return np.logical_or.accumulate(plate, axis=0)
    return np.logical_or.accumulate(plate[::-1], axis=0)[::-1]
