"""What a network learns from: where errors are measured."""

import imaginary_patient
import numpy as np
import pytest
from scipy import ndimage

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.training.examples import fiducials


def hounsfield_at(volume, points_ras):
    ijk = rigid.apply(np.linalg.inv(volume.ras_from_ijk), points_ras)
    return ndimage.map_coordinates(volume.values, ijk[:, ::-1].T, order=0, mode="nearest")


def noisy(volume, rng, bones=True):
    kept = volume.values if bones else np.minimum(volume.values, 0)
    return volume.with_values(kept + rng.normal(0, 20, kept.shape).astype(np.float32), "HU")


def test_fiducials_lie_in_bones_also_where_air_is_noisy(rng):
    clean = imaginary_patient.ct(rng)
    found = fiducials(imaginary_patient.patient(noisy(clean, rng)))
    assert found.shape == (64, 3)
    assert (hounsfield_at(clean, found) > 100).mean() > 0.95        # at half bone an edge voxel may just be missed


def test_without_bones_they_lie_in_the_body(rng):
    clean = imaginary_patient.ct(rng)
    found = fiducials(imaginary_patient.patient(noisy(clean, rng, bones=False)))
    assert (hounsfield_at(clean, found) > -500).all()


def test_a_volume_of_air_is_refused(rng):
    clean = imaginary_patient.ct(rng)
    empty = clean.with_values(np.full_like(clean.values, -1000.0), "HU")
    with pytest.raises(InputError, match="no body"):
        fiducials(imaginary_patient.patient(empty))
