"""From scanner numbers to linear attenuation in 1/mm, which is what X-rays are made of.

CT: Hounsfield units become a mixture of air and water, and above soft tissue of soft tissue and cortical bone, at the
X-ray's effective energy. MR knows nothing about attenuation: its mapping is a stand-in, documented at its settings.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from xvrcore.errors import InputError
from xvrcore.table import find_table
from xvrcore.volume import Volume, sampled

# Mass attenuation with coherent scattering, cm2/g, of water and of cortical bone (ICRU-44, 1.92 g/cm3):
# Hubbell and Seltzer, NIST Standard Reference Database 126, tables 3 and 4.
ENERGIES_KEV = np.array([30, 40, 50, 60, 80, 100, 150.0])
WATER_CM2_PER_G = np.array([0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505])
BONE_CM2_PER_G = np.array([1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480])
BONE_G_PER_CM3 = 1.92

CT_ENERGY_KEV = 70.0
"""Effective energy of a diagnostic CT (120 kV): it says how many HU cortical bone has."""
AIR_HU, SOFT_TISSUE_HU = -1000.0, 100.0
"""Between these two only the density varies; above, cortical bone is mixed in."""
ZERO_EDGE_SHARE = 0.1
"""A CT whose grid's twelve edges are exactly 0 HU over this share was masked: nothing but air lies out there."""
TISSUE_PER_MM = 0.01
"""Half of water: what is denser counts as tissue on a face of the grid."""
CUT_FACE_SHARE = 0.05
"""Tissue over this share of a face: the anatomy goes on beyond it. (An end of a trunk has 0.3, an elbow that
touches the side of the field 0.02.)"""


def attenuation_per_mm(energy_kev: float) -> tuple[float, float]:
    """Linear attenuation (1/mm) of water and of cortical bone, 30 to 150 keV, from NIST's tables."""
    at = np.log(energy_kev)
    water, bone = (float(np.exp(CubicSpline(np.log(ENERGIES_KEV), np.log(table))(at)))
                   for table in (WATER_CM2_PER_G, BONE_CM2_PER_G))
    return water / 10, bone * BONE_G_PER_CM3 / 10


@dataclass(frozen=True)
class CtSettings:
    """How HU become attenuation.

    ``energy_kev`` is the X-ray's effective energy (60 is usual for fluoroscopy at 80 kV behind a patient).
    ``bone_factor`` multiplies what bone attenuates beyond soft tissue. ``max_hu`` clips metal and its streaks.
    ``remove_table`` takes the CT's own table out, which the X-ray does not show (see :mod:`xvrcore.table`).
    """

    energy_kev: float = 60.0
    bone_factor: float = 1.0
    max_hu: float = 3000.0
    remove_table: bool = True

    def __post_init__(self):
        _require_energy(self.energy_kev)
        if not self.bone_factor > 0:
            raise InputError(f"The bone factor is {self.bone_factor:g}; give a number above 0.")
        if not self.max_hu > SOFT_TISSUE_HU:
            raise InputError(f"The largest HU is {self.max_hu:g}; give a number above {SOFT_TISSUE_HU:g}.")


@dataclass(frozen=True)
class MrSettings:
    """How MR intensities become a stand-in for attenuation.

    Intensities below ``background`` (a share of the white level; None: found by Otsu's method) are air, unless
    enclosed by tissue in a slice (k) and ``emphasis`` is "skull". From there to the ``white_percentile`` of the
    tissue, attenuation rises linearly from 0 to that of water at ``energy_kev``. ``emphasis``:

    * "none": only that.
    * "skull": all tissue counts as water, and what is dark within ``skull_depth_mm`` below the outer surface
      as cortical bone (which is black in MR; so are air cells, which this cannot tell apart).
    * "vessels": what is brighter than the ``vessel_percentile`` of the tissue (contrast-enhanced or
      time-of-flight angiography) rises further, to cortical bone at the white level, as if filled with contrast.
    """

    energy_kev: float = 60.0
    background: float | None = None
    white_percentile: float = 99.5
    emphasis: str = "none"
    skull_depth_mm: float = 20.0
    vessel_percentile: float = 97.0

    def __post_init__(self):
        _require_energy(self.energy_kev)
        if self.emphasis not in ("none", "skull", "vessels"):
            raise InputError(f"There is no MR emphasis {self.emphasis!r}; choose none, skull or vessels.")
        if self.background is not None and not 0 <= self.background < 1:
            raise InputError(f"The MR background is {self.background:g}; give a share of the white level below 1.")
        if not 0 < self.vessel_percentile < self.white_percentile <= 100:
            raise InputError(f"The MR percentiles are {self.vessel_percentile:g} (vessels) and "
                             f"{self.white_percentile:g} (white); give 0 < vessels < white <= 100.")


def _require_energy(energy_kev: float) -> None:
    if not ENERGIES_KEV[0] <= energy_kev <= ENERGIES_KEV[-1]:
        raise InputError(f"The X-ray's effective energy is {energy_kev:g} keV; give one from "
                         f"{ENERGIES_KEV[0]:g} to {ENERGIES_KEV[-1]:g}.")


def attenuation_from_ct(volume: Volume, settings: CtSettings | None = None) -> Volume:
    """Attenuation (1/mm, float32, the same grid) of a CT in HU; ``notes`` say what was taken out.

    Whatever lies below air (padding of -1024, -2000, -3024 outside the scanned cylinder) is air.
    """
    require_quantity(volume, "HU", "CT")
    settings = settings or CtSettings()
    water, bone = attenuation_per_mm(settings.energy_kev)
    ct_water, ct_bone = attenuation_per_mm(CT_ENERGY_KEV)
    bone_hu = 1000 * (ct_bone / ct_water - 1)
    soft = water * (1 + SOFT_TISSUE_HU / 1000)
    excess_per_hu = settings.bone_factor * (bone - soft) / (bone_hu - SOFT_TISSUE_HU) - water / 1000
    result = np.empty(volume.values.shape, np.float32)
    for hu, mu in zip(volume.values, result, strict=True):      # slice by slice: stays in the processor's cache
        np.clip(hu, AIR_HU, settings.max_hu, out=mu, dtype=np.float32, casting="unsafe")
        excess = mu - np.float32(SOFT_TISSUE_HU)
        np.maximum(excess, 0, out=excess)
        excess *= np.float32(excess_per_hu)
        mu += np.float32(1000)
        mu *= np.float32(water / 1000)
        mu += excess
        np.maximum(mu, 0, out=mu)
    notes = list(volume.notes)
    masked = _masked_away(volume.values)
    if masked is not None:
        result[masked] = 0
        notes.append(f"The CT was masked: {100 * masked.mean():.0f} % of it is exactly 0 around the anatomy "
                     "and was taken as air.")
    elif settings.remove_table and (table := find_table(volume)) is not None:
        table.erase(result)
        notes.append(f"The CT's table was removed ({table.width_mm:.0f} mm wide).")
    return replace(volume, values=result, quantity="attenuation", notes=tuple(notes))


def require_quantity(volume: Volume, quantity: str, modality: str) -> None:
    """:raises InputError: the volume's values are of another quantity."""
    if volume.quantity != quantity:
        raise InputError(f"{volume.path or 'The volume'} was read as {volume.quantity}; "
                         f"this needs a {modality} in {quantity}.")


def _masked_away(values: np.ndarray) -> np.ndarray | None:
    """Where a masked CT is background: exactly 0 and connected to the edge of the grid; None in other CTs.

    Water phantoms hold zeros too, but air (-1000) stands at the edges of their grid.
    """
    edges = np.concatenate([line for a, b in product((0, -1), repeat=2)
                            for line in (values[a, b, :], values[a, :, b], values[:, a, b])])
    if np.mean(edges == 0) < ZERO_EDGE_SHARE:
        return None
    half = tuple(slice(None, None, 2) for _ in range(3))
    zero = np.pad(values[half] == 0, 1, constant_values=True)     # the rim joins all that reaches the border
    labels, _ = ndimage.label(zero)
    outside = ndimage.binary_dilation(labels == labels[0, 0, 0])[1:-1, 1:-1, 1:-1]
    for axis, size in enumerate(values.shape):
        outside = np.repeat(outside, 2, axis).take(range(size), axis)
    return outside & (values == 0)


def attenuation_from_mr(volume: Volume, settings: MrSettings | None = None) -> Volume:
    """A stand-in for attenuation (1/mm, float32, the same grid) from MR intensities; see :class:`MrSettings`.

    :raises InputError: not an MR, or no tissue stands out of the background.
    """
    require_quantity(volume, "MR", "MR")
    settings = settings or MrSettings()
    water, bone = attenuation_per_mm(settings.energy_kev)
    sample = sampled(volume.values)
    bright = np.percentile(sample, settings.white_percentile)
    black = _otsu(sample) if settings.background is None else settings.background * bright
    if bright <= max(black, sample.min()):
        raise InputError(f"{volume.path or 'The MR'} shows hardly anything brighter than its background ({black:.4g}); "
                         "give another MR background.")
    tissue = sample[sample > black]
    vessels, white = np.percentile(tissue, [settings.vessel_percentile, settings.white_percentile])
    values = np.clip((volume.values - np.float32(black)) * np.float32(water / (white - black)), 0, water)
    if settings.emphasis == "skull":
        values = np.where(values > 0, np.float32(water), np.float32(0))
        values[_dark_shell(volume, values > 0, settings.skull_depth_mm)] = bone
    elif settings.emphasis == "vessels":
        share = (volume.values - np.float32(vessels)) / np.float32(max(white - vessels, 1e-6))
        values += np.clip(share, 0, 1) * np.float32(bone - water)
    note = f"MR intensities above {black:.4g} were taken as tissue, {white:.4g} as white, emphasis {settings.emphasis}."
    return replace(volume, values=values.astype(np.float32, copy=False), quantity="attenuation",
                   notes=(*volume.notes, note))


def hounsfield_from(attenuation: Volume) -> Volume:
    """A CT in HU whose attenuation at the usual energy would be this: air -1000, water 0."""
    water, _ = attenuation_per_mm(CtSettings.energy_kev)
    return attenuation.with_values(attenuation.values * np.float32(1000 / water) + np.float32(AIR_HU), "HU")


def _otsu(values: np.ndarray) -> float:
    """The threshold that separates two classes best (Otsu, 1979)."""
    counts, edges = np.histogram(values, 256, range=(values.min(), np.percentile(values, 99.5)))
    centers = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below = np.cumsum(counts * centers) / np.maximum(below, 1)
    mean_above = np.cumsum((counts * centers)[::-1])[::-1] / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2)])


def _dark_shell(volume: Volume, tissue: np.ndarray, depth_mm: float) -> np.ndarray:
    """What is not tissue but enclosed by it in its slice, no deeper than ``depth_mm`` below the outer surface."""
    shell = np.empty(tissue.shape, bool)
    pitch = volume.spacing_mm[[1, 0]]
    for slab, out in zip(tissue, shell, strict=True):
        head = ndimage.binary_fill_holes(slab)
        depth = ndimage.distance_transform_edt(np.pad(head, 1), sampling=pitch)[1:-1, 1:-1]
        out[:] = head & ~slab & (depth <= depth_mm)
    return shell


def cut_faces(attenuation: Volume) -> tuple[bool, bool, bool, bool, bool, bool]:
    """The faces of the grid (i low, i high, j low, j high, k low, k high) beyond which the anatomy goes on.

    Only the two ends along the patient can be cut, where tissue (denser than half of water) covers more than 5 % of
    the face. What a narrow scan lacks at the sides is not told: nearly all oblique rays pass there, and without them
    nothing would be left to compare; a flank's smooth share is lost in local normalization.
    """
    along = int(np.argmax(np.abs(attenuation.ras_from_ijk[2, :3]) / attenuation.spacing_mm))
    ends = (attenuation.values.take(end, axis=2 - along) for end in (0, -1))
    cut = [False] * 6
    cut[2 * along:2 * along + 2] = [bool(np.mean(face > TISSUE_PER_MM) > CUT_FACE_SHARE) for face in ends]
    return tuple(cut)
