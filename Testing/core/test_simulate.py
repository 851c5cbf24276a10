"""Simulated X-rays: the laws of the beam, of the detector, of the file and of the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from water_block import CENTER, camera, water_block

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.errors import InputError
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.simulate import (
    IDEAL,
    Beam,
    Collimator,
    Detector,
    Encoding,
    Header,
    Plate,
    Rod,
    Scatter,
    SimulationSettings,
    TissueModel,
    prepare_phantom,
    random_implants,
    settings_from_dict,
    simulate_xray,
)
from xvrcore.simulate.detector import detected, heel_gain, scattered, transmitted
from xvrcore.simulate.materials import ANATOMIES, MASS_ATTENUATION, densities
from xvrcore.simulate.metal import metal_mm


@pytest.fixture(scope="module")
def ct():
    return water_block()


def test_ideal_xray_is_beer_and_lamberts_law(ct):
    view = camera()
    phantom = prepare_phantom(ct)
    mass = phantom.mass_g_cm2(view)
    simulated = simulate_xray(phantom, view, IDEAL)
    exponent = sum(MASS_ATTENUATION[name][3] * mass[name] for name in ("water", "bone"))
    np.testing.assert_allclose(simulated.transmission, np.exp(-exponent), rtol=1e-5)
    values = simulated.pixels[0].astype(float)
    unsaturated = values < 4095
    ratio = values[unsaturated] / simulated.transmission[unsaturated]
    np.testing.assert_allclose(values[unsaturated], np.median(ratio) * simulated.transmission[unsaturated], atol=1)


def test_water_of_known_thickness(ct):
    """Straight through the water beside the balls: the block is 60 mm wide."""
    view = camera(primary=0, secondary=0)
    mass = prepare_phantom(ct).mass_g_cm2(view)
    uv, _ = view.project(CENTER + [0, 0, 18])
    column, row = np.rint(uv).astype(int)
    assert mass["water"][row, column] == pytest.approx(6.0, rel=0.03)
    assert mass["bone"][row, column] == 0


def test_beam_hardens():
    """Through twice the bone, a polychromatic beam attenuates less than twice as much; a monochromatic one exactly."""
    thin, thick = ({"bone": np.array(one, np.float32)} for one in (2.0, 4.0))
    poly, mono = Beam(), IDEAL.beam
    assert np.log(transmitted(thick, poly)) > 2 * np.log(transmitted(thin, poly)) + 0.05
    assert np.log(transmitted(thick, mono)) == pytest.approx(2 * np.log(transmitted(thin, mono)))


def test_doubling_photons_halves_the_variance():
    rng, signal = np.random.default_rng(3), np.full((400, 400), 0.3)
    detector = Detector(blur_mm=0, electronic_noise=0)
    once, twice = (detected(signal, photons, detector, (0.4, 0.4), rng).var() for photons in (5000, 10000))
    assert once == pytest.approx(0.3 / 5000, rel=0.02)
    assert once / twice == pytest.approx(2, rel=0.03)


def test_exposure_control_keeps_the_photons_behind_thick_and_thin(ct):
    for scale in (1.0, 3.0):
        settings = SimulationSettings(TissueModel(bone_scale=scale), scatter=Scatter(0),
                                      collimator=Collimator("circle"))
        simulated = simulate_xray(ct, camera(spacing=0.8), settings)
        middle = simulated.transmission[14:-14, 18:-18]
        assert np.median(middle) * simulated.photons == pytest.approx(settings.detector.photons, rel=0.1)


def test_scatter_has_the_ratio_that_was_asked_for_and_lifts_the_shadows():
    share = np.full((120, 160), 0.5, np.float32)
    share[40:80, 60:100] = 0.02
    scatter = scattered(share, share, np.ones_like(share), Scatter(1.5, 25.0), (0.5, 0.5))
    assert scatter.mean() / share.mean() == pytest.approx(1.5)
    assert scatter[60, 80] > 10 * share[60, 80]
    assert np.abs(np.diff(scatter, axis=1)).max() < 0.05 * scatter.max()


@pytest.mark.parametrize("collimator", [
    Collimator("rectangle", (0.6, 0.5), (0.45, 0.55)), Collimator("rectangle", (0.6, 0.5), roll_deg=20),
    Collimator("circle", (0.6, 0.6))])
def test_collimated_region_is_dark(ct, collimator):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, collimator=collimator))
    values = simulated.pixels[0].astype(float)
    behind = ~binary_dilation(simulated.open_field, iterations=3)   # beyond the penumbra
    assert 0.1 < simulated.open_field.mean() < 0.5
    assert values[behind].max() < 0.02 * values[simulated.open_field].mean()


def test_metal_rod_in_perspective():
    view = camera(rows=96, cols=96, spacing=1.0)
    rod = Rod(tuple(CENTER - [10, 0, 4]), tuple(CENTER + [14, 6, 3]), 1.5)
    path = metal_mm(view, (rod,))["Fe"]
    uv, _ = view.project(np.array([rod.start_ras, rod.end_ras]))
    v, u = np.nonzero(path)
    np.testing.assert_allclose([u.min(), u.max()], np.sort(uv[:, 0]), atol=3.5)
    np.testing.assert_allclose([v.min(), v.max()], np.sort(uv[:, 1]), atol=3.5)
    assert path.max() >= 3 - 0.1
    # the shadow's integral over the detector, demagnified, is the rod's volume
    seen = path.sum() * (700 / 1000) ** 2
    assert seen == pytest.approx(np.pi * 1.5 ** 2 * np.linalg.norm(np.subtract(rod.end_ras, rod.start_ras)), rel=0.05)


def test_plate_seen_face_on_is_as_thick_as_it_is():
    view = camera(rows=96, cols=96, spacing=1.0)
    axes = view.ras_from_camera[:3, :3].T
    path = metal_mm(view, (Plate(tuple(CENTER), tuple(map(tuple, axes)), (10, 6, 1.5)),))["Ti"]
    uv, _ = view.project(CENTER)
    assert path[int(round(uv[1])), int(round(uv[0]))] == pytest.approx(3.0, rel=1e-3)
    assert (path > 0).sum() == pytest.approx(20 * 12 / 0.7 ** 2, rel=0.1)


def test_implants_cover_the_share_that_was_asked_for():
    view = camera(rows=256, cols=256, spacing=0.8)
    for seed in range(3):
        objects = random_implants(0.25, view, CENTER, np.random.default_rng(seed))
        covered = sum(metal_mm(view, objects).values()) > 0
        assert 0.24 < covered.mean() < 0.5


def test_heel_effect_falls_in_its_direction():
    gain = heel_gain(Beam(heel=0.2, heel_deg=0), (10, 20))
    assert gain[:, 0] - gain[:, -1] == pytest.approx(0.2)
    assert gain.mean() == pytest.approx(1)


def test_the_seed_is_the_only_chance(ct):
    first, same, other = (simulate_xray(ct, camera(), SimulationSettings(seed=seed)).pixels for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_encodings_are_monotonic_in_the_signal(ct):
    view, phantom = camera(), prepare_phantom(ct)
    for kind, sense in (("LIN", 1), ("LOG", 1), ("LOGINV", -1), ("DISP", 1), ("DISPINV", -1)):
        simulated = simulate_xray(phantom, view, replace(IDEAL, encoding=Encoding(kind, enhance=0, bits=10)))
        order = np.argsort(simulated.transmission.ravel())
        assert (np.diff(sense * simulated.pixels[0].ravel()[order].astype(int)) >= 0).all()
        assert simulated.pixels.max() <= 1023


def test_log_is_a_line_integral(ct):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, encoding=Encoding("LOGINV", bits=16)))
    values = simulated.pixels[0].astype(float)
    middle = (values > values.min()) & (values < values.max())
    assert np.corrcoef(values[middle], -np.log(simulated.transmission[middle]))[0, 1] > 0.9999


def test_flipped_image_is_the_mirror_image(ct):
    view = camera()
    cu, cv = view.intrinsics.principal_point_px
    mirror = replace(view.intrinsics, flipped=True, principal_point_px=(63 - cu, cv))
    straight, flipped = (simulate_xray(ct, Camera(one, view.ras_from_camera), IDEAL).pixels
                         for one in (view.intrinsics, mirror))
    np.testing.assert_array_equal(straight, flipped[:, :, ::-1])


def test_supersampling_averages_over_the_pixel(ct):
    """A pixel of 2 mm is the mean of the four of 1 mm that it covers."""
    settings = replace(IDEAL, detector=replace(IDEAL.detector, supersampling=2))
    coarse = simulate_xray(ct, camera(), settings).transmission
    view = camera()
    fine = Camera(view.intrinsics.region(-0.25, -0.25, 0.5, 96, 128), view.ras_from_camera)
    single = simulate_xray(ct, fine, IDEAL).transmission
    np.testing.assert_allclose(coarse, single.reshape(48, 2, 64, 2).mean((1, 3)), rtol=1e-4)


def test_landmarks_lie_in_bone_within_the_field(ct):
    simulated = simulate_xray(ct, camera(), replace(IDEAL, collimator=Collimator("circle", (0.5, 0.5))))
    ijk = np.rint(rigid.apply(np.linalg.inv(ct.ras_from_ijk), list(simulated.landmarks.values()))).astype(int)
    assert (ct.values[ijk[:, 2], ijk[:, 1], ijk[:, 0]] == 1000).all()
    column, row = np.rint(camera().project(list(simulated.landmarks.values()))[0]).astype(int).T
    assert simulated.open_field[row, column].all()


@pytest.mark.parametrize("anatomy", ANATOMIES)
def test_anatomies_hold_what_they_say(ct, anatomy):
    parts = densities(ct, TissueModel(anatomy))
    ball, water, air = (16, 20, 24), (16, 30, 20), (0, 0, 0)
    assert parts.bone.values[air] == parts.water.values[air] == parts.bone.values[water] == 0
    assert (parts.water.values[water] > 0) == (anatomy in ("tissue", "skin_and_bone_mesh"))
    assert (parts.bone.values[ball] > 0) == (anatomy != "bone_shell")
    assert parts.bone.values.max() > 0


def test_settings_from_a_recipe():
    recipe = {"seed": 3, "scatter": {"to_primary": 2}, "collimator": {"kind": "circle", "size": [0.5, 0.5]},
              "header": {"positioner": {"primary_deg": 5}, "sdd_mm": None},
              "metal": [{"start_ras": [0, 0, 0], "end_ras": [1, 2, 3], "radius_mm": 1}]}
    assert settings_from_dict(json.loads(json.dumps(recipe))) == SimulationSettings(
        seed=3, scatter=Scatter(2.0), collimator=Collimator("circle", (0.5, 0.5)), header=Header(Positioner(5.0)),
        metal=(Rod((0.0, 0.0, 0.0), (1.0, 2.0, 3.0), 1.0),))


@pytest.mark.parametrize(("recipe", "word"), [
    ({"sctter": {}}, "sctter"), ({"scatter": {"primary": 1}}, "primary"), ({"scatter": 3}, "3"),
    ({"encoding": {"kind": "LINEAR"}}, "LINEAR"), ({"encoding": {"bits": 7}}, "bits"), ({"seed": "x"}, "'x'"),
    ({"collimator": {"kind": "square"}}, "square"), ({"tissue": {"anatomy": "ghost"}}, "ghost"),
    ({"beam": {"fluence": [1, 2]}}, "shares"), ({"beam": {"heel": float("nan")}}, "heel"), ({"seed": -1}, "seed"),
    ({"detector": {"photons": 0}}, "photons"), ({"detector": {"blur_mm": -1}}, "blur"),
    ({"detector": {"supersampling": 0}}, "supersampling"), ({"scatter": {"to_primary": -1}}, "Scatter"),
    ({"scatter": {"width_mm": 0}}, "0 mm"), ({"collimator": {"size": [0.5, 0]}}, "sides above 0")])
def test_bad_recipes_are_named(recipe, word):
    with pytest.raises(InputError, match=word) as caught:
        settings_from_dict(recipe)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_simulated_is_refused(ct):
    with pytest.raises(InputError, match="not HU"):
        simulate_xray(ct.with_values(ct.values, "MR"), camera())
    away = Camera(camera().intrinsics, camera_pose(0, 0, 700, CENTER + [5000, 0, 0]))
    with pytest.raises(InputError, match="misses"):
        simulate_xray(ct, away)
    with pytest.raises(InputError, match="tissue model"):
        simulate_xray(prepare_phantom(ct), camera(), SimulationSettings(TissueModel("bone")))
