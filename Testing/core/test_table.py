"""The CT's own table goes, and nothing of any patient is taken for one."""

import numpy as np
import pytest
from scans import cylinder, scan, shell_table

from xvrcore import rigid
from xvrcore.attenuation import CtSettings, attenuation_from_ct
from xvrcore.volume import Volume


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
