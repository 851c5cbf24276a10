"""Bones alone: solid, in their place, and nothing else."""

import numpy as np
from scans import ct, cylinder, scan, shell_table
from scipy import ndimage

from xvrcore import rigid
from xvrcore.attenuation import attenuation_per_mm, cut_faces
from xvrcore.bones import bone_volume
from xvrcore.volume import Volume


def seen_at(volume, grid) -> np.ndarray:
    """Values of ``volume`` at the voxels of ``grid``, 0 outside of it."""
    places = np.linalg.inv(volume.ras_from_ijk) @ grid.ras_from_ijk
    return ndimage.affine_transform(volume.values, places[:3, :3][::-1, ::-1], places[:3, 3][::-1], order=1,
                                    output_shape=grid.values.shape, mode="constant")


def test_bones_become_solid_and_everything_else_air(rng):
    shape, spacing = (30, 64, 64), (1.5, 1.5, 2)
    values = np.where(cylinder(shape, 28), 40, -1000) + rng.normal(0, 10, shape)
    shaft, marrow = cylinder(shape, 8, (20, 30)), cylinder(shape, 5, (20, 30))
    values[shaft] = 900
    values[marrow] = -30
    values[3, 40, 40] = 700
    volume = ct(values, spacing)
    found = bone_volume(volume)
    _, bone = attenuation_per_mm(70)
    seen = seen_at(found, volume)
    np.testing.assert_allclose(seen[cylinder(shape, 6, (20, 30))], bone, rtol=1e-5)
    assert not seen[~cylinder(shape, 11, (20, 30))].any()
    assert found.quantity == "attenuation"
    assert found.values.size < 0.5 * values.size
    assert cut_faces(found) == (False, False, False, False, True, True)


def test_merged_voxels_leave_bones_in_their_place():
    values = np.full((10, 80, 81), 0.0)
    values[:, 21:51, 30:61] = 800
    fine = ct(values, (0.5, 0.4, 2))
    found = bone_volume(fine)
    np.testing.assert_allclose(found.spacing_mm, (1.0, 1.2, 2))
    weights = found.values / found.values.sum()
    center = [(weights * axis).sum() for axis in np.indices(weights.shape)[::-1]]
    expected = rigid.apply(fine.ras_from_ijk, [45, 35, 4.5])
    np.testing.assert_allclose(rigid.apply(found.ras_from_ijk, center), expected, atol=0.3)


def test_a_table_is_no_bone(rng):
    values, _, ras_from_ijk = scan(rng)
    table = shell_table(values)
    values[:, table] = 400
    values[:, 55:65, 60:80] = 700
    volume = Volume(values.astype(np.float32), ras_from_ijk, "HU")
    seen = seen_at(bone_volume(volume), volume)
    assert not seen[:, table].any()
    assert seen[:, 58:62, 65:75].all()
