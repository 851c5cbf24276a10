"""Coarser levels of a volume: the same mass in the same place, stored in 16 bits, without the air around it."""

import numpy as np
import pytest
from scene import blobs, oblique_frame, random_camera

from xvrcore.errors import InputError
from xvrcore.render.joseph import JosephProjector
from xvrcore.render.pyramid import build_pyramid
from xvrcore.volume import Volume


def test_coarser_levels_approximate_the_first_and_keep_the_mass(rng):
    volume = blobs(rng, shape=(47, 90, 81), frame=oblique_frame(rng, (0.6, 0.5, 0.9)))
    projector = JosephProjector(volume)
    assert list(projector.level_pitch_mm) == sorted(projector.level_pitch_mm)
    assert projector.level_pitch_mm[0] == pytest.approx(np.cbrt(0.6 * 0.5 * 0.9))
    assert len(projector.level_pitch_mm) == 4
    camera = random_camera(rng, volume.center_ras, rows=40, cols=50)
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    images = [projector.integrals(camera.ras_from_camera[None], targets, level=i).values for i in range(4)]
    errors = [np.linalg.norm(i - images[0]) / np.linalg.norm(images[0]) for i in images]
    assert errors[1] < 0.03
    assert errors[2] < 0.12
    assert errors[3] < 0.4
    assert errors[1] < errors[2] < errors[3]
    for level, image in zip(build_pyramid(volume), images, strict=True):
        mass = level.dense().sum(dtype=float) * level.pitch_mm ** 3
        assert mass == pytest.approx(volume.values.sum(dtype=float) * 0.6 * 0.5 * 0.9, rel=2e-3)
        assert image.sum() == pytest.approx(images[0].sum(), rel=0.02)


def test_a_coarse_volume_is_never_made_finer(rng):
    volume = blobs(rng, frame=oblique_frame(rng, (3.9, 5.0, 7.0)))
    levels = build_pyramid(volume)
    assert levels[0].pitch_mm == pytest.approx(np.cbrt(3.9 * 5.0 * 7.0))
    assert all(level.pitch_mm >= levels[0].pitch_mm for level in levels)
    assert len(levels) == 2   # its own pitch, and one where i alone is halved towards 6 mm


def test_air_around_a_body_is_neither_stored_nor_seen(rng):
    body = blobs(rng, frame=oblique_frame(rng, (0.8, 1.1, 2.0)))
    margins = rng.integers(0, 9, (3, 2))
    frame = body.ras_from_ijk.copy()
    frame[:3, 3] -= frame[:3, :3] @ margins[::-1, 0]
    roomy = Volume(np.pad(body.values, margins), frame, "attenuation")
    assert [level.shape for level in build_pyramid(roomy)] == [level.shape for level in build_pyramid(body)]
    camera = random_camera(rng, body.center_ras)
    targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
    tight, loose = (JosephProjector(v).integrals(camera.ras_from_camera[None], targets, gradient=True)
                    for v in (body, roomy))
    np.testing.assert_allclose(loose.values, tight.values, atol=1e-5 * tight.values.max())
    np.testing.assert_allclose(loose.by_source, tight.by_source, atol=1e-4 * np.abs(tight.by_source).max())


def test_values_of_either_sign_survive_quantization(rng):
    for low in (0.0, -0.03):
        values = rng.uniform(low, 0.08, (9, 10, 11)).astype(np.float32)
        dense = build_pyramid(Volume(values, np.eye(4), "attenuation"))[0].dense()
        np.testing.assert_allclose(dense, values, atol=0.08 / 32767)
    empty = build_pyramid(Volume(np.zeros((4, 4, 4), np.float32), np.eye(4), "attenuation"))[0]
    assert not empty.dense().any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(rng, bad):
    volume = blobs(rng)
    volume.values[tuple(rng.integers(0, volume.values.shape))] = bad
    with pytest.raises(InputError, match="not finite"):
        build_pyramid(volume)
