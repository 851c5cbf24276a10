"""Attenuation: the physics of water, bone and air; and what of a scan is not the patient."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from xvrcore import rigid
from xvrcore.attenuation import (
    CtSettings,
    MrSettings,
    attenuation_from_ct,
    attenuation_from_mr,
    attenuation_per_mm,
    bone_volume,
    cut_faces,
)
from xvrcore.errors import InputError
from xvrcore.volume import Volume


def ct(values, spacing=(1, 1, 1)) -> Volume:
    return Volume(np.asarray(values, np.float32), np.diag([*spacing, 1.0]), "HU")


def attenuation_at(hu, **settings) -> np.ndarray:
    values = np.broadcast_to(np.asarray(hu, np.float32), (2, 2, np.size(hu)))
    return attenuation_from_ct(ct(values), CtSettings(**settings)).values[0, 0]


@pytest.mark.parametrize(("energy", "water", "bone"), [
    (40, 0.02683, 0.12778), (60, 0.02059, 0.06044), (80, 0.01837, 0.04280), (100, 0.01707, 0.03562)])
def test_water_and_bone_attenuate_as_nist_tabulates(energy, water, bone):
    np.testing.assert_allclose(attenuation_per_mm(energy), (water, bone), rtol=1e-3)


def test_between_the_tables_energies_attenuation_falls_smoothly():
    water, bone = np.array([attenuation_per_mm(e) for e in np.linspace(30, 150, 61)]).T
    assert (np.diff(water) < 0).all()
    assert (np.diff(bone) < 0).all()
    np.testing.assert_allclose(attenuation_per_mm(70)[0], 0.0193, rtol=5e-3)


@pytest.mark.parametrize("energy", [50, 60, 70, 90])
def test_air_water_and_bone_get_their_own_attenuation(energy):
    water, bone = attenuation_per_mm(energy)
    ct_water, ct_bone = attenuation_per_mm(70)
    found = attenuation_at([-3024, -2000, -1024, -1000, -500, 0, 1000 * (ct_bone / ct_water - 1)], energy_kev=energy)
    np.testing.assert_allclose(found, [0, 0, 0, 0, water / 2, water, bone], rtol=1e-4, atol=1e-9)


def test_at_the_energy_of_the_ct_attenuation_is_linear_in_hu():
    hu = np.linspace(-1000, 2500, 50)
    np.testing.assert_allclose(attenuation_at(hu, energy_kev=70), attenuation_per_mm(70)[0] * (1 + hu / 1000),
                               rtol=1e-4, atol=1e-8)


def test_attenuation_rises_with_hu_and_metal_is_clipped():
    found = attenuation_at(np.arange(-1000, 8000, 50), energy_kev=50, max_hu=2500)
    assert (np.diff(found[:70]) > 0).all()
    np.testing.assert_array_equal(found[70:], found[70])


def test_the_bone_factor_scales_only_what_bone_adds():
    plain, doubled = (attenuation_at([0, 100, 600, 1600], energy_kev=60, bone_factor=f) for f in (1, 2))
    np.testing.assert_allclose(doubled[:2], plain[:2], rtol=1e-6)
    soft = plain[1]
    np.testing.assert_allclose(doubled[2:] - soft, 2 * (plain[2:] - soft), rtol=1e-4)


def test_the_place_and_the_ct_are_left_as_they_are(rng):
    volume = ct(rng.uniform(-1000, 1000, (4, 5, 6)))
    before = volume.values.copy()
    found = attenuation_from_ct(volume)
    np.testing.assert_array_equal(volume.values, before)
    np.testing.assert_array_equal(found.ras_from_ijk, volume.ras_from_ijk)
    assert found.values.dtype == np.float32
    assert found.quantity == "attenuation"


def cylinder(shape, radius, center=None) -> np.ndarray:
    """A disk in every slice, [k, j, i]."""
    j, i = np.indices(shape[1:])
    cj, ci = center or ((shape[1] - 1) / 2, (shape[2] - 1) / 2)
    return np.broadcast_to((j - cj) ** 2 + (i - ci) ** 2 <= radius ** 2, shape)


@pytest.mark.parametrize("odd", [0, 1])
def test_the_zeros_around_a_masked_ct_are_air_and_those_inside_are_water(rng, odd):
    shape = (12 + odd, 40 + odd, 44 + odd)
    body = cylinder(shape, 14)
    values = np.where(body, rng.integers(20, 60, shape), 0)
    values[6, 20, 22] = 0
    values[8:10, 18:21, 20:23] = 0
    found = attenuation_from_ct(ct(values))
    assert not found.values[~body].any()
    assert (found.values[body] > 0.015).all()
    assert any("masked" in note for note in found.notes)


def test_a_water_phantom_in_air_stays_water():
    body = cylinder((12, 40, 40), 14)
    found = attenuation_from_ct(ct(np.where(body, 0, -1000)))
    np.testing.assert_allclose(found.values[body], attenuation_per_mm(60)[0], rtol=1e-6)
    assert not found.values[~body].any()


def scan(rng, slices=40, size=140, pitch=3.0):
    """A trunk with arms beside it and a hand on it, air between, [k, j, i] HU; anterior at low j."""
    values = np.full((slices, size, size), -1000.0)
    k = np.arange(slices)[:, None, None]
    j, i = np.indices((size, size))
    trunk = ((i - 70) / (45 + 3 * np.sin(k / 5))) ** 2 + ((j - 60) / (28 + 2 * np.cos(k / 4))) ** 2 <= 1
    arms = ((np.abs(i - 70) - 58 - np.sin(k / 6)) ** 2 + (j - 66 + k / 20) ** 2 <= 7 ** 2)
    fingers = ((np.abs(i - 70) % 8 - 4) ** 2 + (j - 24 - k / 20) ** 2 <= 2.2 ** 2) & (np.abs(i - 70) < 16) & (k < 36)
    patient = trunk | arms | fingers
    values[patient] = 40
    return values + rng.normal(0, 15, values.shape), patient, np.diag([-pitch, -pitch, 3.0, 1])


def shell_table(values, row=100, thickness=2, bend=6e-3):
    """A curved shell on which a thin foam lies, the same in each slice."""
    size = values.shape[1]
    j, i = np.indices((size, size))
    surface = row - bend * (i - 70) ** 2
    shell = (j >= surface) & (j < surface + thickness) & (np.abs(i - 70) < 55)
    core = (j >= surface + thickness) & (j < surface + 3 * thickness) & (np.abs(i - 70) < 50)
    values[:, core] = -900
    values[:, shell] = 120
    return shell | core


@pytest.mark.parametrize("side", ["supine", "prone"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_table_goes_and_the_patient_stays_however_the_grid_is_stored(rng, side, order):
    values, patient, ras_from_ijk = scan(rng)
    table = shell_table(values)
    if side == "prone":
        values, patient, table = values[:, ::-1], patient[:, ::-1], table[::-1]
    full = np.broadcast_to(table, values.shape)
    permute = np.eye(4)[[*(2 - np.array(order)[::-1]), 3]].T
    stored = Volume(np.ascontiguousarray(values.transpose(order), np.float32), ras_from_ijk @ permute, "HU")
    kept = attenuation_from_ct(stored, CtSettings(remove_table=False)).values
    found = attenuation_from_ct(stored)
    assert found.values[full.transpose(order)].max() == 0
    np.testing.assert_array_equal(found.values[patient.transpose(order)], kept[patient.transpose(order)])
    assert any("table was removed" in note for note in found.notes)


def untouched(values, ras_from_ijk=None) -> bool:
    ras_from_ijk = np.diag([-3, -3, 3.0, 1]) if ras_from_ijk is None else ras_from_ijk
    volume = Volume(values.astype(np.float32), ras_from_ijk, "HU")
    return np.array_equal(attenuation_from_ct(volume).values,
                          attenuation_from_ct(volume, CtSettings(remove_table=False)).values)


def test_no_patient_is_taken_for_a_table(rng):
    values, _, _ = scan(rng)
    assert untouched(values), "a trunk with arms and fingers"
    assert untouched(values[:, :, 40:]), "a trunk cut off at one side"
    assert untouched(values[:, 55:90, 30:110]), "the middle of a trunk, cut off all round"
    legs = np.where(cylinder((30, 120, 120), 18, (60, 35)) | cylinder((30, 120, 120), 18, (60, 85)), 40, -1000)
    assert untouched(legs), "two straight legs"
    slab = np.full((30, 120, 120), -1000)
    slab[:, 60:70, 10:110] = 40
    assert untouched(slab), "one flat body"
    chest = np.full((30, 120, 120), -1000.0)
    chest[:, 50:90, 20:100] = 40
    for k, wall in enumerate(chest):
        wall[20 + k // 2:28 + k // 2, 10:110] = 40
    assert untouched(chest), "a chest wall that slants away from the heart"


def test_a_table_that_touches_the_skin_is_left(rng):
    values, patient, _ = scan(rng)
    values[:, 85:89, 20:120] = 60
    assert untouched(values)


def test_an_oblique_grid_is_left(rng):
    values, _, ras_from_ijk = scan(rng)
    shell_table(values)
    assert not untouched(values, ras_from_ijk)
    assert untouched(values, rigid.twist_motion(np.r_[0.5, 0, 0, 0, 0, 0], np.zeros(3)) @ ras_from_ijk)


@pytest.mark.parametrize("along", [0, 1, 2])
def test_an_end_of_the_patient_is_cut_where_tissue_reaches_it_and_a_side_never(along):
    body = np.zeros((30, 30, 30), np.float32)
    body[5:25, 5:25, 5:25] = 0.02
    turn = np.eye(4)
    turn[:3, :3] = np.roll(np.eye(3), 2 - along, axis=0)      # grid axis ``along`` runs to the head
    volume = Volume(body, turn @ np.diag([1, 2, 3, 1]), "attenuation")
    assert cut_faces(volume) == (False,) * 6
    for axis in range(3):
        for end in (0, 1):
            crop = [slice(None)] * 3
            crop[axis] = slice(7, None) if end == 0 else slice(None, 23)
            cut = cut_faces(replace(volume, values=body[tuple(crop[::-1])]))
            assert cut == tuple(n == 2 * axis + end and axis == along for n in range(6))


def test_a_touch_does_not_cut_an_end():
    body = np.zeros((20, 30, 30), np.float32)
    body[0, 8:11, 14:18] = 0.02
    body[:, 10:20, 10:20] = 0.001
    assert cut_faces(Volume(body, np.eye(4), "attenuation")) == (False,) * 6


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


def mr(rng):
    """A head: bright tissue, a dark skull, a fluid-dark hole deep inside, vessels brighter than all; noise outside."""
    shape = (12, 80, 80)
    values = np.abs(rng.normal(0, 8, shape))
    values[cylinder(shape, 32)] = 400
    skull = cylinder(shape, 29) & ~cylinder(shape, 26)
    values[skull] = 5
    hole = cylinder(shape, 5)
    values[hole] = 5
    vessel = cylinder(shape, 2, (25, 40))
    values[vessel] = 900
    values = values + rng.normal(0, 5, shape)
    return Volume(values.astype(np.float32), np.diag([2, 2, 3.0, 1]), "MR"), skull, hole, vessel


def test_mr_background_is_air_and_tissue_rises_with_intensity(rng):
    volume, *_ = mr(rng)
    found = attenuation_from_mr(volume)
    water, _ = attenuation_per_mm(60)
    assert not found.values[~cylinder(volume.values.shape, 32)].any()
    assert 0 < found.values.max() <= water * 1.0001
    order = np.argsort(volume.values, axis=None)
    assert (np.diff(found.values.ravel()[order]) >= 0).all()
    np.testing.assert_allclose(attenuation_from_mr(replace(volume, values=volume.values * 7)).values, found.values,
                               atol=1e-5)


def test_the_skull_of_an_mr_is_bone_and_the_ventricles_are_not(rng):
    volume, skull, hole, _ = mr(rng)
    found = attenuation_from_mr(volume, MrSettings(emphasis="skull")).values
    water, bone = attenuation_per_mm(60)
    np.testing.assert_allclose(found[skull], bone, rtol=1e-5)
    assert not found[hole].any()
    np.testing.assert_allclose(found[cylinder(volume.values.shape, 20) & ~cylinder(volume.values.shape, 8)], water,
                               rtol=1e-5)


def test_the_vessels_of_an_angiography_stand_out(rng):
    volume, _, _, vessel = mr(rng)
    settings = MrSettings(emphasis="vessels", vessel_percentile=97)
    found, plain = attenuation_from_mr(volume, settings).values, attenuation_from_mr(volume).values
    water, bone = attenuation_per_mm(60)
    assert found[vessel].mean() > water + 0.5 * (bone - water)
    rest = cylinder(volume.values.shape, 25) & ~vessel
    assert np.abs(found[rest] - plain[rest]).mean() < 0.02 * water


@pytest.mark.parametrize("settings", [{"energy_kev": 5}, {"energy_kev": 300}, {"bone_factor": 0}, {"max_hu": 50},
                                      {"energy_kev": float("nan")}])
def test_ct_settings_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match=r"give (a number|one)"):
        CtSettings(**settings)


@pytest.mark.parametrize("settings", [{"emphasis": "hair"}, {"background": 1.5}, {"vessel_percentile": 99.9},
                                      {"energy_kev": 10}])
def test_mr_settings_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match=r"give|choose"):
        MrSettings(**settings)


def test_each_mapping_wants_its_own_quantity(rng):
    volume, *_ = mr(rng)
    with pytest.raises(InputError, match="needs a CT in HU"):
        attenuation_from_ct(volume)
    with pytest.raises(InputError, match="needs a CT in HU"):
        bone_volume(volume)
    with pytest.raises(InputError, match="needs a MR"):
        attenuation_from_mr(ct(np.zeros((4, 4, 4))))


def test_a_ct_without_bone_and_an_mr_without_tissue_are_refused():
    with pytest.raises(InputError, match="shows no bone"):
        bone_volume(ct(np.where(cylinder((10, 30, 30), 10), 40, -1000)))
    flat = np.full((6, 8, 8), 5, np.float32)
    flat[0, 0, 0] = 6
    for settings in (MrSettings(), MrSettings(background=0.3)):
        with pytest.raises(InputError, match="hardly anything brighter"):
            attenuation_from_mr(Volume(flat, np.eye(4), "MR"), settings)
