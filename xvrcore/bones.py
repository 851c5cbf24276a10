"""The bones of a CT alone, for X-rays that do not show what its soft tissue does."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from xvrcore.attenuation import CT_ENERGY_KEV, attenuation_per_mm, require_quantity
from xvrcore.errors import InputError
from xvrcore.table import find_table
from xvrcore.volume import Volume

BONE_HU = 150.0
BONE_PITCH_MM = 1.2
SMALLEST_BONE_MM3 = 500.0
CLOSED_GAP_MM = 4.0
BONE_SLAB = 16


def bone_volume(volume: Volume) -> Volume:
    """Bones alone, as solid bodies of cortical bone (1/mm): for X-rays that do not show what the CT's soft tissue does.

    Above 150 HU, without small pieces (calcifications, contrast in small vessels, noise), marrow filled slice by
    slice, edges softened. The grid is cut down to the bones along i and j, its voxels merged to about 1.2 mm there.
    """
    require_quantity(volume, "HU", "CT")
    merged = _merged_in_plane(volume, BONE_PITCH_MM)
    dense = merged.values > BONE_HU
    if (table := find_table(merged)) is not None:
        table.erase(dense, False)
    reach = max(1, round(CLOSED_GAP_MM / 2 / merged.spacing_mm[0]))
    columns = tuple(_span_of(dense.any(axis=axes), reach + 1) for axes in ((0, 2), (0, 1)))
    labels, count = ndimage.label(dense[:, columns[0], columns[1]])
    sizes = sum(np.bincount(plane.ravel(), minlength=count + 1) for plane in labels)
    keep = sizes * abs(np.linalg.det(merged.ras_from_ijk[:3, :3])) >= SMALLEST_BONE_MM3
    keep[0] = False
    if not keep.any():
        raise InputError(f"{volume.path or 'The CT'} shows no bone (nothing above {BONE_HU:g} HU larger than "
                         f"{SMALLEST_BONE_MM3:g} mm3).")
    _, bone = attenuation_per_mm(CT_ENERGY_KEV)
    values = np.empty(labels.shape, np.float32)
    for first in range(0, len(labels), BONE_SLAB):      # by slabs: closing and filling need several copies
        slab = slice(first, first + BONE_SLAB)
        solid = _without_holes(keep[labels[slab]], reach).astype(np.float32)
        values[slab] = ndimage.uniform_filter(solid, (1, 3, 3), mode="nearest") * np.float32(bone)
    corner = np.eye(4)
    corner[:2, 3] = columns[1].start, columns[0].start
    return replace(merged, values=values, ras_from_ijk=merged.ras_from_ijk @ corner, quantity="attenuation")


def _span_of(present: np.ndarray, margin: int) -> slice:
    """From the first to the last True, with a margin; everything where there is none."""
    found = np.flatnonzero(present)
    return slice(max(0, found[0] - margin), int(found[-1]) + margin + 1) if found.size else slice(0, None)


def _without_holes(mask: np.ndarray, reach: int) -> np.ndarray:
    """``mask`` with gaps of twice ``reach`` voxels closed and its holes filled, within each slice."""
    padded = np.pad(mask, ((0, 0), (reach, reach), (reach, reach)))
    in_slice = ndimage.generate_binary_structure(3, 1)
    in_slice[[0, 2]] = False
    closed = ndimage.binary_closing(padded, in_slice, iterations=reach) | padded
    open_space, _ = ndimage.label(~closed, in_slice)
    return (open_space != open_space[:, :1, :1])[:, reach:-reach, reach:-reach]


def _merged_in_plane(volume: Volume, pitch_mm: float) -> Volume:
    """Means over blocks of voxels along i and j, as many as fit into ``pitch_mm``; the world stays."""
    factors = np.maximum(1, np.floor(pitch_mm / volume.spacing_mm[:2] + 0.5).astype(int))
    fi, fj = np.minimum(factors, np.array(volume.values.shape)[[2, 1]] // 2)
    if fi == fj == 1:
        return volume
    depth, height, width = volume.values.shape
    height, width = height // fj, width // fi
    blocks = volume.values[:, :height * fj, :width * fi].reshape(depth, height, fj, width, fi)
    fine_from_coarse = np.diag([fi, fj, 1, 1.0])
    fine_from_coarse[:2, 3] = (fi - 1) / 2, (fj - 1) / 2
    return replace(volume, values=blocks.mean(axis=(2, 4), dtype=np.float32),
                   ras_from_ijk=volume.ras_from_ijk @ fine_from_coarse)
