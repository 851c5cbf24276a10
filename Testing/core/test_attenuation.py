"""Attenuation: the physics of water, bone and air; and what of a scan is not the patient."""

from dataclasses import replace

import numpy as np
import pytest
from scans import ct, cylinder

from xvrcore.attenuation import (
    CtSettings,
    MrSettings,
    attenuation_from_ct,
    attenuation_from_mr,
    attenuation_per_mm,
    cut_faces,
)
from xvrcore.bones import bone_volume
from xvrcore.errors import InputError
from xvrcore.volume import Volume


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
