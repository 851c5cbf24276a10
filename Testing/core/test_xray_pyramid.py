"""Smaller versions of an X-ray keep its geometry, ignore what is masked, and are normalized."""

import numpy as np
import pytest

from xvrcore.camera import Intrinsics
from xvrcore.positioner import Positioner
from xvrcore.xray import RISES_WITH_INTENSITY, Xray
from xvrcore.xray_pyramid import XrayPyramid


def xray(image, mask=None, flipped=False) -> Xray:
    rows, cols = image.shape
    intrinsics = Intrinsics(1000, (0.4, 0.3), (cols / 2 + 3.2, rows / 2 - 7.1), rows, cols, flipped)
    mask = np.ones(image.shape, bool) if mask is None else mask
    return Xray(image.astype(np.float32), mask, intrinsics, Positioner(), RISES_WITH_INTENSITY)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("size", [24, 50, 128])
def test_a_ramp_over_the_detector_stays_that_ramp_in_mm(rng, size, flipped):
    shape = tuple(rng.integers(130, 260, 2))
    flat = xray(np.zeros(shape), flipped=flipped)
    slopes = rng.normal(size=2)
    full = xray(flat.intrinsics.pixel_grid()[..., :2] @ slopes, flipped=flipped)
    level = XrayPyramid(full).level(size)
    expected = (level.targets[:, :2] @ slopes).reshape(level.image.shape)
    gain, offset = np.polyfit(expected.ravel(), level.image.ravel(), 1)
    per_pixel = abs(gain) * max(np.abs(np.diff(expected, axis=axis)).max() for axis in (0, 1))
    np.testing.assert_allclose(level.image, gain * expected + offset, atol=0.15 * per_pixel)
    assert max(level.image.shape) == size


def test_masked_pixels_never_show(rng):
    image, mask = rng.normal(size=(120, 160)), np.ones((120, 160), bool)
    mask[:, :40] = False
    spoiled = np.where(mask, image, 1e6)
    plain, loud = (XrayPyramid(xray(i, mask)).level(40) for i in (image, spoiled))
    np.testing.assert_array_equal(plain.image, loud.image)
    assert not plain.valid[:, :10].any()
    assert plain.valid[:, 10:].all()


def test_levels_have_zero_mean_and_unit_deviation_where_valid(rng):
    mask = rng.random((128, 128)) > 0.1
    level = XrayPyramid(xray(rng.normal(50, 9, (128, 128)), mask)).level(32)
    inside = level.image[level.valid > 0]
    assert inside.mean() == pytest.approx(0, abs=1e-5)
    assert inside.std() == pytest.approx(1, abs=1e-5)


def test_no_level_is_finer_than_the_xray(rng):
    assert XrayPyramid(xray(rng.normal(size=(60, 80)))).level(256).image.shape == (60, 80)
