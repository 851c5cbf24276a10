"""The locally normalized correlation: what it must not notice, and that its derivatives are right."""

import numpy as np
import pytest
from scipy import ndimage

from xvrcore.similarity import local_normal_equations, local_scores, locally_normalized

WINDOW = 9


def smooth_image(rng, height=40, width=50):
    return ndimage.gaussian_filter(rng.normal(size=(height, width)), 2).astype(np.float32)


def random_weight(rng, shape):
    """Valid except for a random rectangle and some random pixels."""
    weight = (rng.random(shape) > 0.05).astype(np.float32)
    weight[5:15, 20:35] = 0
    return weight


def test_an_image_agrees_fully_with_itself_and_opposes_its_negative(rng):
    image, weight = smooth_image(rng), random_weight(rng, (40, 50))
    scores = local_scores(np.stack([image, -image]), image, np.stack([weight] * 2), WINDOW)
    np.testing.assert_allclose(scores.correlation, [1, -1], atol=1e-5)
    assert scores.cost[0] < 1e-8


def test_gain_and_offset_do_not_matter(rng):
    drr, xray, weight = smooth_image(rng), smooth_image(rng), random_weight(rng, (40, 50))[None]
    plain = local_scores(drr[None], xray, weight, WINDOW)
    changed = local_scores((7 * drr - 300)[None].astype(np.float32), 0.01 * xray + 2, weight, WINDOW)
    np.testing.assert_allclose(changed.correlation, plain.correlation, atol=1e-3)


def test_pixels_of_no_weight_take_no_part(rng):
    drr, xray, weight = smooth_image(rng), smooth_image(rng), random_weight(rng, (40, 50))
    spoiled = np.where(weight > 0, drr, 1e4).astype(np.float32)
    plain = local_scores(drr[None], xray, weight[None], WINDOW)
    np.testing.assert_allclose(local_scores(spoiled[None], xray, weight[None], WINDOW).correlation, plain.correlation)
    assert plain.pixels[0] <= weight.sum()


def test_scores_follow_their_definition(rng):
    drr, xray, weight = smooth_image(rng), smooth_image(rng), random_weight(rng, (40, 50))
    a, counts = (x[0] for x in locally_normalized(drr[None], weight[None], WINDOW))
    f, _ = (x[0] for x in locally_normalized(xray[None], weight[None], WINDOW))
    expected = (a * f * counts).sum() / np.sqrt((a * a * counts).sum() * (f * f * counts).sum())
    found = local_scores(drr[None], xray, weight[None], WINDOW)
    assert found.correlation[0] == pytest.approx(expected, abs=1e-4)
    assert found.cost[0] == pytest.approx((((a - f) * counts) ** 2).sum() / counts.sum(), rel=1e-3)


def test_gradient_is_that_of_the_cost(rng):
    drr, xray, weight = smooth_image(rng), smooth_image(rng), random_weight(rng, (40, 50))[None]
    jacobian = np.stack([smooth_image(rng) for _ in range(3)], axis=-1)
    found = local_normal_equations(drr[None], jacobian[None], xray, weight, WINDOW)
    step = 2e-3

    def half_cost(parameter, sign):
        moved = (drr + sign * step * jacobian[..., parameter])[None].astype(np.float32)
        scores = local_scores(moved, xray, weight, WINDOW)
        return 0.5 * scores.cost[0] * scores.pixels[0]

    numeric = [(half_cost(k, 1) - half_cost(k, -1)) / (2 * step) for k in range(3)]
    # the noise floor follows the image's own deviation, whose change Gauss-Newton leaves out
    np.testing.assert_allclose(found.gradient[0], numeric, rtol=0.1, atol=0.02 * np.abs(numeric).max())


def test_hessian_is_symmetric_and_positive(rng):
    drr, xray, weight = smooth_image(rng), smooth_image(rng), random_weight(rng, (40, 50))[None]
    jacobian = np.stack([smooth_image(rng) for _ in range(6)], axis=-1)[None]
    hessian = local_normal_equations(drr[None], jacobian, xray, weight, WINDOW).hessian[0]
    np.testing.assert_allclose(hessian, hessian.T)
    assert np.linalg.eigvalsh(hessian).min() > 0


def test_each_pose_of_a_batch_is_scored_as_if_alone(rng):
    drrs, xray = np.stack([smooth_image(rng) for _ in range(5)]), smooth_image(rng)
    weights = np.stack([random_weight(rng, (40, 50)) for _ in range(5)])
    together = local_scores(drrs, xray, weights, WINDOW)
    alone = [local_scores(d[None], xray, w[None], WINDOW).correlation[0] for d, w in zip(drrs, weights, strict=True)]
    np.testing.assert_allclose(together.correlation, alone, rtol=1e-6)


def test_nothing_valid_is_no_agreement(rng):
    image = smooth_image(rng)
    scores = local_scores(image[None], image, np.zeros((1, 40, 50), np.float32), WINDOW)
    assert scores.pixels[0] == 0
    assert scores.correlation[0] == 0
