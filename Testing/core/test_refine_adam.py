"""xvr's similarity and refinement: equal to its reference where nothing is masked, blind to what is masked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from nanodrr.metrics import NormalizedCrossCorrelation2d
from scene import oblique_frame, random_camera
from scipy.ndimage import gaussian_filter

from xvrcore import rigid
from xvrcore.camera import Intrinsics
from xvrcore.objective import Comparison, Objective
from xvrcore.positioner import Positioner
from xvrcore.refine.adam import AdamSettings, evaluate, refine_adam
from xvrcore.refine.ncc import VARIANCE_FLOOR, global_ncc, local_ncc, similarity
from xvrcore.render import make_projector
from xvrcore.volume import Volume
from xvrcore.xray import RISES_WITH_ATTENUATION, Xray

QUICK = AdamSettings(sizes=(32, 64), iterations=80)
NOT_CUT = (False,) * 6


pytestmark = pytest.mark.usefixtures("two_threads")


def pictures(rng, count=2):
    smooth = rng.normal(size=(count, 60, 70)).cumsum(axis=1).cumsum(axis=2)
    return torch.tensor((smooth - smooth.mean((1, 2), keepdims=True)) / smooth.std((1, 2), keepdims=True),
                        dtype=torch.float32)


def problem(rng, cut_faces=NOT_CUT):
    """A phantom of grain all over its grid, an X-ray of it in other units, and the true pose."""
    grain = np.clip(gaussian_filter(rng.normal(size=(60, 70, 64)), 2.5), 0, None)
    volume = Volume((0.1 * grain / grain.max()).astype(np.float32), oblique_frame(rng, (1.0, 0.9, 1.1)), "attenuation")
    pose = random_camera(rng, volume.center_ras).ras_from_camera
    intrinsics = Intrinsics(1000.0, (0.8, 0.75), (29.0, 33.0), 64, 64)
    projector = make_projector(volume, "joseph")
    image = 300 * projector.integrals(pose[None], intrinsics.pixel_grid().reshape(-1, 3)).values.reshape(64, 64) - 40
    xray = Xray(image, np.ones(image.shape, bool), intrinsics, Positioner(), RISES_WITH_ATTENUATION)
    return Objective(volume, projector, cut_faces, xray), pose


def finish(steps):
    """All steps of a generator, and its return value."""
    taken = []
    while True:
        try:
            taken.append(next(steps))
        except StopIteration as end:
            return taken, end.value


def test_box_filtered_patches_are_the_patches_of_the_reference(rng):
    first, second = pictures(rng)[:, None, None]
    for patch in (5, 9, 11):
        expected = NormalizedCrossCorrelation2d(patch, eps=VARIANCE_FLOOR)(first, second)
        found = local_ncc(first, second, torch.ones_like(first), patch)
        assert float(found) == pytest.approx(float(expected), abs=2e-3)
    expected = NormalizedCrossCorrelation2d(None, eps=VARIANCE_FLOOR)(first, second)
    assert float(global_ncc(first, second, torch.ones_like(first))) == pytest.approx(float(expected), abs=1e-5)


def test_an_image_is_most_similar_to_itself_and_units_do_not_matter(rng):
    first, second = pictures(rng)
    everywhere = torch.ones_like(first)
    assert float(similarity(first, first, everywhere)) > 0.98
    assert float(similarity(first, -first, everywhere)) < -0.98
    other = float(similarity(first, second, everywhere))
    assert abs(other) < 0.9
    assert float(similarity(50 * first + 7, second, everywhere)) == pytest.approx(other, abs=1e-4)


def test_masked_pixels_have_no_say_and_no_derivative(rng):
    first, second = pictures(rng)
    weight = torch.ones_like(first)
    weight[:, :25] = 0
    weight[40:50, 40:44] = 0
    spoiled = torch.where(weight > 0, first, 1e3 * torch.randn(first.shape)).requires_grad_()
    found = similarity(spoiled, second, weight)
    assert found.item() == pytest.approx(float(similarity(first, second, weight)), abs=1e-5)
    derivative, = torch.autograd.grad(found, spoiled)
    assert not derivative[weight == 0].any()
    assert derivative[weight > 0].any()


def test_nothing_valid_is_no_similarity(rng):
    first, second = pictures(rng)
    assert float(similarity(first, second, torch.zeros_like(first))) == 0


def test_the_gradient_by_the_pose_predicts_finite_differences(rng):
    objective, truth = problem(rng)
    comparison = Comparison(64, 9)
    gradients, expected = [], []
    for _ in range(4):
        twist = np.r_[rng.normal(size=3) * 0.03, rng.normal(size=3) * 3]
        pose = rigid.twist_motion(twist, objective.center_ras) @ truth
        gradients.append(evaluate(objective, pose, comparison)[1])
        expected.append(central_differences(objective, pose, comparison))
    for part in (slice(0, 3), slice(3, 6)):
        error = np.linalg.norm(np.array(gradients)[:, part] - np.array(expected)[:, part])
        assert error < 0.15 * np.linalg.norm(np.array(expected)[:, part])


def central_differences(objective, pose, comparison):
    differences = []
    for step in np.diag([4e-3, 4e-3, 4e-3, 0.3, 0.3, 0.3]):
        up, down = (evaluate(objective, rigid.twist_motion(s * step, objective.center_ras) @ pose, comparison)[0]
                    for s in (1, -1))
        differences.append((up - down) / (2 * step.max()))
    return differences


def test_adam_finds_the_pose_and_reports_a_best_score_that_never_falls(rng):
    objective, truth = problem(rng)
    twist = np.r_[rigid_direction(rng) * np.deg2rad(3), rigid_direction(rng) * 4]
    start = rigid.twist_motion(twist, objective.center_ras) @ truth
    steps, result = finish(refine_adam(objective, start, QUICK))
    for stage in (0, 1):
        scores = [s.best_score for s in steps if s.stage == stage]
        assert scores == sorted(scores)
    assert result.renders == len(steps) + 1
    assert result.score == pytest.approx(evaluate(objective, result.pose, steps[-1].comparison)[0], abs=1e-6)
    assert result.score > 0.99
    assert image_error_px(objective, result.pose, truth) < 0.5 < image_error_px(objective, start, truth)
    assert np.linalg.det(result.pose[:3, :3]) == pytest.approx(1)


def rigid_direction(rng) -> np.ndarray:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def image_error_px(objective, pose, truth) -> float:
    """Mean distance in pixels of points near the center, projected by two poses."""
    points = objective.center_ras + np.array([[x, y, z] for x in (-15, 15) for y in (-15, 15) for z in (-15, 15)])
    matrix = objective.xray.intrinsics.matrix
    projected = []
    for p in (pose, truth):
        scaled = rigid.apply(rigid.inverse(p), points) @ matrix.T
        projected.append(scaled[:, :2] / scaled[:, 2:])
    return float(np.linalg.norm(projected[0] - projected[1], axis=1).mean())


def test_a_worse_pose_never_replaces_the_start(rng):
    objective, truth = problem(rng)
    reckless = replace(QUICK, sizes=(16, 64), rotation_rate_rad=1.0, translation_rate_mm=100.0, iterations=5)
    _, result = finish(refine_adam(objective, truth, reckless))
    assert result.score >= evaluate(objective, truth, Comparison(64, 9))[0]
    assert image_error_px(objective, result.pose, truth) < 0.5


def test_a_view_without_the_patient_ends_quietly(rng):
    objective, truth = problem(rng)
    away = truth.copy()
    away[:3, 3] += 5000
    _, result = finish(refine_adam(objective, away, replace(QUICK, iterations=5)))
    assert result.score <= 0
    np.testing.assert_array_equal(result.pose, away)


def test_closing_the_generator_stops_the_work(rng):
    objective, truth = problem(rng)
    steps = refine_adam(objective, truth, QUICK)
    first = next(steps)
    assert first.best_score == pytest.approx(evaluate(objective, truth, first.comparison)[0])
    steps.close()
    assert next(steps, None) is None
