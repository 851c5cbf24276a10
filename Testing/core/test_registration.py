"""Registration of imaginary patients: accuracy against truth, honest verdicts, and behavior when disturbed."""

from dataclasses import replace

import imaginary_patient as imaginary
import numpy as np
import pytest

from xvrcore import positioner, rigid
from xvrcore.errors import InputError
from xvrcore.initialize.regions import AROUND_DOUBTED_HEADER, Region
from xvrcore.registration import GivenStart, RegistrationSettings, register
from xvrcore.xray import RISES_WITH_ATTENUATION, RISES_WITH_INTENSITY, Origin

QUICK = RegistrationSettings(patience_s=0)


@pytest.fixture(scope="module")
def scene():
    """One imaginary patient and an X-ray of it, the same for all tests of this file."""
    rng = np.random.default_rng(20250101)
    volume = imaginary.ct(rng)
    view = imaginary.camera(volume.center_ras, rng)
    return volume, imaginary.patient(volume), view, imaginary.picture(volume, view, rng)


def test_any_patient_is_found_from_the_header(rng):
    volume = imaginary.ct(rng)
    view = imaginary.camera(volume.center_ras, rng)
    image = imaginary.picture(volume, view, rng)
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), imaginary.patient(volume), QUICK))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5
    assert result.verdict.label == "registered"


@pytest.mark.parametrize(("view_name", "angles", "flipped"), [("PA", (0, 0), True), ("AP", (180, 0), False)])
def test_a_view_is_found_without_its_angles(scene, rng, view_name, angles, flipped):
    volume, patient, _, _ = scene
    view = imaginary.camera(volume.center_ras, rng, flipped, angles)
    image = imaginary.picture(volume, view, rng)
    unknown = imaginary.radiograph(image, view, angles).without_angles()
    result, _ = imaginary.outcome(register(unknown, patient, QUICK))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5
    assert result.candidates[0].start == view_name


def test_a_header_that_tells_another_view_is_not_believed_forever(scene):
    volume, patient, view, image = scene
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view, angles=(90.0, 0.0)), patient,
                                         RegistrationSettings(patience_s=300)))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5
    assert any("patient's position" in note for note in result.notes)


def test_forgotten_angles_leave_the_flip_open_unless_stated(scene):
    _, _, view, image = scene
    plain = imaginary.radiograph(image, view)
    forgotten = plain.without_angles()
    assert {r.intrinsics.flipped for r in forgotten.readings} == {True, False}
    assert forgotten.origins["flip"].source == "assumed"
    for source in ("user", "sidecar"):
        stated = replace(plain, origins={**plain.origins, "flip": Origin(True, source)}).without_angles()
        assert {r.intrinsics.flipped for r in stated.readings} == {True}
        assert stated.origins["flip"].source == source


def test_polarity_and_flip_left_open_are_settled_by_fit(scene):
    volume, patient, view, image = scene
    plain = imaginary.radiograph(image, view).readings[0]
    negative = replace(plain, image=-image, polarity=RISES_WITH_ATTENUATION)
    mirrored = [replace(r, intrinsics=r.intrinsics.mirrored()) for r in (negative, plain)]
    readings = (*mirrored, negative, plain)
    open_radiograph = replace(imaginary.radiograph(image, view), readings=readings)
    result, _ = imaginary.outcome(register(open_radiograph, patient, QUICK))
    assert (result.reading.polarity, result.reading.intrinsics.flipped) == (RISES_WITH_INTENSITY, True)
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5


def test_cropping_the_ct_leaves_the_pose(scene):
    volume, _, view, image = scene
    cut = (slice(6, -6), slice(None), slice(None))
    frame = volume.ras_from_ijk.copy()
    frame[:3, 3] += frame[:3, 2] * 6
    cropped = imaginary.patient(replace(volume, values=volume.values[cut], ras_from_ijk=frame))
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), cropped, QUICK))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 2


def test_a_ct_too_narrow_for_the_patient_still_registers_a_lateral_view(rng):
    volume = imaginary.ct(rng)
    volume = replace(volume, values=np.where(volume.values == 0, 40, volume.values))     # 0 would be masked away
    view = imaginary.camera(volume.center_ras, rng, angles=(90.0, 0.0))
    image = imaginary.picture(volume, view, rng)
    frame = volume.ras_from_ijk.copy()
    frame[:3, 3] += frame[:3, 0] * 16
    narrow = imaginary.patient(replace(volume, values=volume.values[:, :, 16:-16], ras_from_ijk=frame))
    shown = imaginary.radiograph(image, view, angles=(90.0, 0.0), orientation=("P", "F"))
    result, _ = imaginary.outcome(register(shown, narrow, QUICK))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 2


def test_another_patient_is_not_registered(scene, rng):
    _, patient, _, _ = scene
    other = imaginary.ct(rng)
    view = imaginary.camera(other.center_ras, rng)
    image = imaginary.picture(other, view, rng)
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), patient, QUICK))
    assert result.verdict.label != "registered"
    assert result.verdict.reasons


def test_the_same_seed_gives_the_same_pose(scene):
    _, patient, view, image = scene
    poses = [imaginary.outcome(register(imaginary.radiograph(image, view), patient, replace(QUICK, seed=7)))[0]
             for _ in range(2)]
    np.testing.assert_array_equal(poses[0].camera.ras_from_camera, poses[1].camera.ras_from_camera)


def test_progress_never_goes_back_and_ends_at_one(scene):
    _, patient, view, image = scene
    _, told = imaginary.outcome(register(imaginary.radiograph(image, view), patient, QUICK))
    fractions = [p.fraction for p in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(told) > 10


def test_closing_cancels_at_once(scene):
    _, patient, view, image = scene
    working = register(imaginary.radiograph(image, view), patient, QUICK)
    next(working)
    working.close()
    with pytest.raises(StopIteration):
        next(working)


def test_a_right_pose_handed_in_is_never_replaced_by_a_worse_one(scene):
    volume, patient, view, image = scene
    given = (GivenStart("true", view.ras_from_camera),)
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), patient, QUICK, given))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1
    np.testing.assert_allclose(result.initial.ras_from_camera, view.ras_from_camera)


def test_a_distant_pose_handed_in_is_searched_around(scene):
    volume, patient, view, image = scene
    away = positioner.camera_pose(14, -12, imaginary.ISOCENTER_MM + 60, volume.center_ras + [60, 0, -60], 8)
    settings = RegistrationSettings(patience_s=60)
    working = register(imaginary.radiograph(image, view), patient, settings, (GivenStart("hand", away),))
    result, _ = imaginary.outcome(working)
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5


def guess(view, center, degrees: float, mm: float) -> tuple[GivenStart, ...]:
    """What a network that is wrong by so much would say."""
    twist = np.repeat([np.deg2rad(degrees), mm], 3) / np.sqrt(3)
    return (GivenStart("network", rigid.twist_motion(twist, center) @ view.ras_from_camera, guess=True),)


@pytest.mark.parametrize("angles_known", [True, False])
def test_a_wrong_guess_does_no_harm(scene, angles_known):
    volume, patient, view, image = scene
    plain = imaginary.radiograph(image, view)
    wrong = guess(view, volume.center_ras, 60, 80)
    shown = plain if angles_known else plain.without_angles()
    settings = QUICK if angles_known else RegistrationSettings()
    result, _ = imaginary.outcome(register(shown, patient, settings, wrong))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5
    assert result.verdict.label == "registered"


def test_a_guess_from_where_nothing_can_be_compared_leaves_it_to_the_search(scene):
    """Along the patient all rays leave by faces where the scan was cut."""
    volume, patient, view, image = scene
    along = GivenStart("network", positioner.camera_pose(0, 90, imaginary.ISOCENTER_MM, volume.center_ras), guess=True)
    unknown = imaginary.radiograph(image, view).without_angles()
    result, _ = imaginary.outcome(register(unknown, patient, QUICK, (along,)))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5


@pytest.mark.parametrize("angles", [(70.0, 0.0), None])
def test_a_good_guess_helps_where_angles_are_wrong_or_unknown(scene, angles):
    volume, patient, view, image = scene
    shown = imaginary.radiograph(image, view, angles) if angles else imaginary.radiograph(image, view).without_angles()
    result, _ = imaginary.outcome(register(shown, patient, QUICK, guess(view, volume.center_ras, 4, 8)))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5
    assert result.candidates[0].start == "network"


def test_weak_directions_know_that_depth_is_hard_to_tell(scene):
    _, patient, view, image = scene
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), patient, QUICK))
    assert result.weak_mm["depth"] > 2 * max(result.weak_mm["right"], result.weak_mm["down"])


def test_a_far_principal_point_is_found_when_asked(scene, rng):
    volume, patient, view, _ = scene
    off = replace(view.intrinsics, principal_point_px=(view.intrinsics.principal_point_px[0] + 12,
                                                      view.intrinsics.principal_point_px[1] - 9), sdd_mm=650.0)
    close = replace(view, intrinsics=off,
                    ras_from_camera=positioner.camera_pose(3, -4, 430, volume.center_ras + [5, 3, -8], 2))
    image = imaginary.picture(volume, close, rng)
    believed = replace(off, principal_point_px=view.intrinsics.principal_point_px)
    told = imaginary.radiograph(image, close, intrinsics=believed)
    plain, _ = imaginary.outcome(register(told, patient, QUICK))
    refined, _ = imaginary.outcome(register(told, patient, replace(QUICK, refine_principal_point=True)))
    errors = [np.linalg.norm(np.subtract(r.camera.intrinsics.principal_point_px, off.principal_point_px))
              for r in (plain, refined)]
    assert errors[1] < 0.6 * errors[0], "perspective tells it only weakly, but rightly"
    assert refined.scores["similarity"] >= plain.scores["similarity"]


def test_adam_agrees_with_levenberg_marquardt(scene):
    volume, patient, view, image = scene
    by_adam = replace(QUICK, refiner="adam")
    result, _ = imaginary.outcome(register(imaginary.radiograph(image, view), patient, by_adam))
    assert imaginary.mtre_mm(result.camera, view, volume.center_ras) < 1.5


@pytest.mark.parametrize(("settings", "word"), [
    (RegistrationSettings(start="header"), "angles"), (RegistrationSettings(start="given"), "pose")])
def test_a_start_that_is_not_there_is_refused(scene, settings, word):
    _, patient, view, image = scene
    unknown = imaginary.radiograph(image, view).without_angles()
    with pytest.raises(InputError, match=word):
        next(register(unknown, patient, settings))


@pytest.mark.parametrize("distance_mm", [60.0, 700.0])
def test_no_search_goes_to_the_source_or_through_it(rng, distance_mm):
    center = rng.uniform(-100, 100, 3)
    nominal = positioner.camera_pose(*rng.uniform(-90, 90, 2), distance_mm, center)
    region = Region("header", nominal, center, AROUND_DOUBTED_HEADER)
    poses = region.sample(64, int(rng.integers(100)))
    depths = np.array([rigid.apply(rigid.inverse(pose), center) for pose in poses])
    assert np.allclose(depths[:, :2], 0, atol=1e-9)
    assert depths[:, 2].min() >= 0.5 * distance_mm
    assert np.ptp(depths[:, 2]) > 0.8 * min(2 * AROUND_DOUBTED_HEADER.depth_mm, distance_mm)


@pytest.mark.parametrize("stated", [{"seed": -1}, {"patience_s": -1.0}, {"patience_s": float("nan")}])
def test_figures_below_zero_are_refused(stated):
    with pytest.raises(InputError, match="below 0"):
        RegistrationSettings(**stated)


@pytest.mark.parametrize("name", ["start", "refiner"])
def test_unknown_choices_are_refused(name):
    with pytest.raises(InputError, match="magic"):
        RegistrationSettings(**{name: "magic"})
