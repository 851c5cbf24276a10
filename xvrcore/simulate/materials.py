"""What the beam passes through: densities of water and bone from a CT, and mass attenuation coefficients.

Kept apart from the attenuation model of registration on purpose: an X-ray simulated with the very model that
registers it would prove little.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from xvrcore.errors import InputError
from xvrcore.table import find_table
from xvrcore.volume import Volume

ENERGIES_KEV = (30.0, 40.0, 50.0, 60.0, 80.0)
FLUENCE_90_KVP = (0.10, 0.24, 0.29, 0.24, 0.13)
"""Share of photons per energy bin of a 90 kVp tungsten beam behind a few mm of aluminum, rounded."""

MASS_ATTENUATION = {
    "water": (0.3756, 0.2683, 0.2269, 0.2059, 0.1837),
    "bone": (1.331, 0.6655, 0.4242, 0.3148, 0.2229),
    "Ti": (4.972, 2.214, 1.213, 0.7661, 0.4052),
    "Fe": (8.176, 3.629, 1.958, 1.205, 0.5952),
}
"""cm2/g at :data:`ENERGIES_KEV`: Hubbell and Seltzer, NIST Standard Reference Database 126 (water; cortical
bone after ICRU-44; titanium; iron, which stands for steel)."""
DENSITY = {"water": 1.0, "bone": 1.92, "Ti": 4.54, "Fe": 7.87}
"""g/cm3, of the same tables."""

CORTICAL_BONE_HU = 1600.0
"""CT number of ICRU-44 cortical bone at the 70 keV mean energy of a clinical CT scanner."""
SHELL_MM = 2.0
"""Thickness of a hollow mesh's wall, as cortical bone's."""
MARROW_MM2 = 500.0
"""Largest hole in a bone's cross section that counts as its marrow."""

ANATOMIES = ("tissue", "bone", "bone_mesh", "bone_shell", "skin_and_bone_mesh")


@dataclass(frozen=True)
class TissueModel:
    """How CT numbers become densities.

    ``anatomy``: "tissue" is everything; "bone" leaves soft tissue out; "bone_mesh" and "bone_shell" are bones as
    filled or hollow surfaces of one material, "skin_and_bone_mesh" such bones in a body of water: what a
    projector of surface meshes makes. ``bone_start_hu`` is where bone begins, ``bone_scale`` multiplies
    its mineral density (a patient with more or less calcium than the CT's model), ``lung_scale`` the density
    below water (another breath). ``remove_table``: the CT's table stays behind in the scanner.
    """

    anatomy: str = "tissue"
    bone_start_hu: float = 100.0
    bone_scale: float = 1.0
    lung_scale: float = 1.0
    remove_table: bool = True

    def __post_init__(self):
        if self.anatomy not in ANATOMIES:
            raise InputError(f"There is no anatomy {self.anatomy!r} to simulate; choose one of {', '.join(ANATOMIES)}.")


@dataclass(frozen=True)
class Densities:
    """Partial densities of water and cortical bone, g/cm2 per mm of path (a tenth of g/cm3), on the CT's grid."""

    water: Volume = field(repr=False)
    bone: Volume = field(repr=False)


def densities(ct: Volume, model: TissueModel) -> Densities:
    """Water and bone that make up a CT in HU.

    :raises InputError: the volume is not in HU.
    """
    if ct.quantity != "HU":
        raise InputError(f"{ct.path or 'The volume'} holds {ct.quantity}, not HU: X-rays are simulated from a CT.")
    hu = np.clip(np.nan_to_num(ct.values.astype(np.float32), nan=-1000.0), -1000, 4000)
    if model.remove_table and (table := find_table(ct)) is not None:
        table.erase(hu, -1000)
    water, bone = _meshes(hu, ct, model) if "mesh" in model.anatomy or "shell" in model.anatomy else \
        _tissues(hu, model)
    return Densities(ct.with_values(water * np.float32(0.1), "attenuation"),
                     ct.with_values(bone * np.float32(0.1 * model.bone_scale), "attenuation"))


def _tissues(hu: np.ndarray, model: TissueModel) -> tuple[np.ndarray, np.ndarray]:
    """Soft tissue as water of another density; above ``bone_start_hu`` a mixture of it and cortical bone."""
    share = np.clip((hu - model.bone_start_hu) / (CORTICAL_BONE_HU - model.bone_start_hu), 0, 2)
    soft = 1 + np.minimum(hu, model.bone_start_hu) / 1000
    soft = np.where(hu < -100, soft * model.lung_scale, soft)
    water, bone = np.maximum(soft * (1 - share), 0), share * DENSITY["bone"]
    if model.anatomy == "bone":
        water[hu < model.bone_start_hu + 50] = 0
    return water, bone


def _meshes(hu: np.ndarray, ct: Volume, model: TissueModel) -> tuple[np.ndarray, np.ndarray]:
    """Uniform bodies within iso-surfaces, their borders smooth at sub-voxel scale as a mesh's are."""
    sigma = 0.5 * ct.spacing_mm.min() / ct.spacing_mm[::-1]
    bones = _inside(ndimage.gaussian_filter(hu, sigma), 200.0)
    bones = np.maximum(bones, _holes_of_slices(bones > 0.5, float(np.prod(ct.spacing_mm[:2]))))
    if model.anatomy == "bone_shell":
        depth = ndimage.distance_transform_edt(bones > 0.5, sampling=ct.spacing_mm[::-1])
        return np.zeros_like(hu), np.where(depth > SHELL_MM, 0, bones) * np.float32(DENSITY["bone"])
    # a filled bone's mean density lies between cortical and spongy bone's
    bone = bones * np.float32(0.35 * DENSITY["bone"])
    if model.anatomy == "bone_mesh":
        return np.zeros_like(hu), bone
    skin = _inside(ndimage.gaussian_filter(hu, 2 * sigma), -400.0)
    skin = np.maximum(skin, np.stack([ndimage.binary_fill_holes(one) for one in skin > 0.5]).astype(np.float32))
    return np.maximum(skin - bones * np.float32(0.35), 0), bone


def _inside(hu: np.ndarray, surface_hu: float) -> np.ndarray:
    """1 inside the iso-surface, 0 outside, a linear ramp of 200 HU across it."""
    return np.clip((hu - surface_hu) / 200 + 0.5, 0, 1)


def _holes_of_slices(inside: np.ndarray, pixel_mm2: float) -> np.ndarray:
    """1 in the small holes that a slice's bodies enclose: marrow belongs to a filled bone, the pelvis's cavity not."""
    holes = np.stack([ndimage.binary_fill_holes(one) for one in inside]) & ~inside
    in_slice = np.zeros((3, 3, 3), int)
    in_slice[1] = 1
    labels, count = ndimage.label(holes, in_slice)
    small = np.bincount(labels.ravel(), minlength=count + 1) * pixel_mm2 < MARROW_MM2
    small[0] = False
    return small[labels].astype(np.float32)
