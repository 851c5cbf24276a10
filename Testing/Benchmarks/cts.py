"""The CTs of the hard cases: two patients, and what a hardness does to the CT that is registered."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from speed_scene import CHEST_CT
from views import Box

from xvrcore import rigid
from xvrcore.segments import read_segmentation
from xvrcore.volume import Volume
from xvrcore.volume_io import read_volume

BLUR_MM, NOISE_HU, SLICE_MM = 1.2, 60.0, 5.0
"""A degraded CT: a soft kernel, a low dose, thick slices."""
KEPT_SHARE = {"truncated": (0.2, 0.8), "upper_part": (0.66, 1.0)}
"""Which share of the slices, counted from the feet, is left of a CT."""
WARP_MM, WARP_WAVE_MM, WARP_SCALE = 14.0, 60.0, (0.93, 0.9, 0.9)
"""Another patient: smooth displacements (rms of each component) over such distances, and another build (i, j, k)."""

BONES = ("rib", "vertebra", "clavicula", "scapula", "humerus", "sternum", "sacrum", "hip")
BLOOD_HU = 50.0


@dataclass(frozen=True)
class Anatomy:
    """One patient: ``ct`` as its file has it; ``body`` the same without couch, which is not in the X-rays;
    ``skeleton`` the body with contrast medium taken out of its soft tissue; ``box`` bounds the body."""

    name: str
    ct: Volume = field(repr=False)
    body: Volume = field(repr=False)
    skeleton: Volume = field(repr=False)
    box: Box


def pelvis_ct_path() -> Path:
    return Path(__file__).resolve().parents[3] / "shared" / "data" / "pelvis_ct.nii.gz"


def load_anatomies() -> dict[str, Anatomy]:
    """The chest, and the pelvis where its file is beside the checkout."""
    paths = {"chest": CHEST_CT, "pelvis": pelvis_ct_path()}
    cts = {name: read_volume(path, "ct") for name, path in paths.items() if path.is_file()}
    anatomies = {}
    for name, ct in cts.items():
        body = without_couch(ct)
        skeleton = _without_contrast(body) if name == "chest" else body
        anatomies[name] = Anatomy(name, ct, body, skeleton, Box.around(body))
    return anatomies


def _without_contrast(body: Volume) -> Volume:
    """The chest's soft organs, known from its segmentation, at most as dense as blood."""
    chest = read_segmentation(CHEST_CT.with_name("mask.nii.gz"), CHEST_CT.with_name("structures.csv"))
    values = [one.value for one in chest.segments if not any(word in one.name for word in BONES)]
    soft = np.isin(chest.labels.values, values)
    organs = ndimage.binary_dilation(soft, iterations=3) & (soft | (chest.labels.values == 0))
    return body.with_values(np.where(organs, np.minimum(body.values, np.float32(BLOOD_HU)), body.values), "HU")


def without_couch(ct: Volume) -> Volume:
    """Everything but the patient set to air: bodies thicker than 8 mm that hold bone, found on a coarse grid."""
    step = np.maximum(np.rint(2.0 / ct.spacing_mm[::-1]), 1).astype(int)
    coarse = ct.values[::step[0], ::step[1], ::step[2]]
    tissue = coarse > -300
    thick = ndimage.binary_opening(tissue, np.ones((1, 5, 5)))
    labels, count = ndimage.label(thick)
    sizes = ndimage.sum_labels(thick, labels, np.arange(1, count + 1))
    bone = ndimage.sum_labels(coarse > 200, labels, np.arange(1, count + 1)) / np.maximum(sizes, 1)
    bodies = np.isin(labels, 1 + np.flatnonzero((sizes > sizes.max() / 200) & (bone > 0.02)))
    grown = ndimage.binary_dilation(bodies, np.ones((1, 5, 5)), iterations=2)
    filled = np.stack([ndimage.binary_fill_holes(one) for one in grown])
    full = filled.repeat(step[0], 0).repeat(step[1], 1).repeat(step[2], 2)
    full = full[:ct.values.shape[0], :ct.values.shape[1], :ct.values.shape[2]]
    return ct.with_values(np.where(full, ct.values, np.float32(-1000)), "HU")


def degraded(ct: Volume, rng: np.random.Generator) -> Volume:
    """Blurred, noisy, in thick slices."""
    hu = ndimage.gaussian_filter(np.clip(ct.values, -1024, 3071), BLUR_MM / ct.spacing_mm[::-1])
    block = max(1, round(SLICE_MM / ct.spacing_mm[2]))
    slices = len(hu) // block
    hu = hu[:slices * block].reshape(slices, block, *hu.shape[1:]).mean(1)
    hu += rng.normal(0, NOISE_HU, hu.shape).astype(np.float32)
    thick = np.diag([1.0, 1.0, block, 1.0])
    thick[2, 3] = (block - 1) / 2
    return Volume(hu.astype(np.float32), ct.ras_from_ijk @ thick, "HU")


def part_of(ct: Volume, shares: tuple[float, float]) -> Volume:
    """The slices between two shares of the way from feet to head."""
    count = len(ct.values)
    low, high = (round(share * count) for share in shares)
    if ct.ras_from_ijk[2, 2] < 0:
        low, high = count - high, count - low
    shift = np.eye(4)
    shift[2, 3] = low
    return Volume(ct.values[low:high], ct.ras_from_ijk @ shift, "HU")


def warped(ct: Volume, rng: np.random.Generator) -> Volume:
    """Another patient of the same anatomy: another build and a smooth random deformation, bones included."""
    shape, step = np.array(ct.values.shape), np.maximum(np.rint(8 / ct.spacing_mm[::-1]).astype(int), 1)
    coarse = -(-shape // step)
    displaced = []
    for axis in range(3):
        wave = ndimage.gaussian_filter(rng.normal(size=coarse), WARP_WAVE_MM / (step * ct.spacing_mm[::-1]))
        wave *= WARP_MM / wave.std() / ct.spacing_mm[::-1][axis]
        full = ndimage.zoom(wave.astype(np.float32), shape / coarse, order=1)
        grid = np.arange(shape[axis], dtype=np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
        middle = (shape[axis] - 1) / 2
        displaced.append((grid - middle) / WARP_SCALE[::-1][axis] + middle + full)
    return ct.with_values(ndimage.map_coordinates(ct.values, displaced, order=1, mode="constant", cval=-1000), "HU")


def write_ct(ct: Volume, path: Path) -> None:
    """As an MHA file of 16-bit HU."""
    image = sitk.GetImageFromArray(np.clip(np.rint(ct.values), -2048, 4095).astype(np.int16))
    lps_from_ijk = rigid.RAS_FROM_LPS @ ct.ras_from_ijk
    spacing = np.linalg.norm(lps_from_ijk[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps_from_ijk[:3, 3].tolist())
    image.SetDirection((lps_from_ijk[:3, :3] / spacing).ravel().tolist())
    sitk.WriteImage(image, str(path))
