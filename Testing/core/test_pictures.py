"""Pictures: X-ray, DRR, outlines and landmarks of one place meet in one pixel, whatever the sizes."""

from dataclasses import replace

import numpy as np
import pytest
from result_examples import BallProjector, example_result, random_camera

from xvrcore.camera import Camera
from xvrcore.outlines import segment_outlines
from xvrcore.pictures import make_pictures, picture_intrinsics, render, resampled
from xvrcore.segments import Segment, Segmentation
from xvrcore.volume import Volume


def centroid(image):
    """(u, v) of the middle of what is bright."""
    weight = np.clip(image - np.percentile(image, 90), 0, None)
    v, u = np.indices(image.shape)
    return np.array([(weight * u).sum(), (weight * v).sum()]) / weight.sum()


@pytest.mark.parametrize(("rows", "cols"), [(150, 200), (530, 600), (1401, 1107), (500, 1300)])
def test_a_ball_is_in_the_same_place_in_xray_drr_and_camera(rng, rows, cols):
    camera = random_camera(rng, rows=rows, cols=cols, width_mm=300.0 * cols / max(rows, cols))
    ball = BallProjector(rng.uniform(-5, 5, 3), 8.0)
    stored = ball.integrals(camera.ras_from_camera[None], camera.intrinsics.pixel_grid().reshape(-1, 3)).values
    seen = picture_intrinsics(camera.intrinsics)
    view = Camera(seen, camera.ras_from_camera)
    expected, _ = view.project(ball.center_ras)
    assert max(seen.rows, seen.cols) <= 1024
    assert np.abs(centroid(resampled(stored.reshape(rows, cols), camera.intrinsics, seen)) - expected).max() < 0.3
    assert np.abs(centroid(render(ball, view)) - expected).max() < 0.3


def test_a_coarse_volume_is_cast_coarsely_and_still_lands_right(rng):
    camera = random_camera(rng, rows=500, cols=600)
    ball = BallProjector(rng.uniform(-5, 5, 3), 12.0, pitch_mm=1.5)
    drr = render(ball, camera)
    assert drr.shape == (500, 600)
    assert ball.rays < 0.3 * 500 * 600
    assert np.abs(centroid(drr) - camera.project(ball.center_ras)[0]).max() < 0.3


def test_every_comparison_is_made_and_all_have_the_size_of_the_picture(rng):
    camera = random_camera(rng, rows=200, cols=260)
    _, result = example_result(rng, camera)
    pictures = {p.name: p for p in make_pictures(result, BallProjector(np.zeros(3), 30.0))}
    assert list(pictures) == ["xray", "drr", "edges", "color", "checkerboard", "blend", "difference", "before_after"]
    for name, picture in pictures.items():
        assert picture.pixels.dtype == np.uint8
        assert name == "before_after" or picture.pixels.shape == pictures["xray"].pixels.shape


def test_segments_and_landmarks_are_drawn_when_given(rng):
    camera = random_camera(rng, rows=200, cols=260)
    _, result = example_result(rng, camera)
    values = np.zeros((12, 12, 12), np.uint16)
    values[3:9, 3:9, 3:9] = 1
    matrix = np.diag([4.0, 4, 4, 1])
    matrix[:3, 3] = -22
    segmentation = Segmentation(Volume(values, matrix, "labels"), (Segment(1, "cube", (1.0, 0.2, 0.1)),))
    pictures = {p.name: p for p in make_pictures(result, BallProjector(np.zeros(3), 30.0),
                                                 segment_outlines(segmentation, camera), {"middle": np.zeros(3)})}
    seen = picture_intrinsics(camera.intrinsics)
    u, v = np.round(Camera(seen, camera.ras_from_camera).project(np.zeros(3))[0]).astype(int)
    assert pictures["landmarks"].pixels[v, u, 0] > 200
    red, green, _ = np.moveaxis(pictures["segments"].pixels[:, :seen.cols].astype(int), -1, 0)
    assert np.abs(np.array([n.mean() for n in np.nonzero(red - green > 80)]) - [v, u]).max() < 6


def test_an_empty_field_and_a_constant_drr_still_make_pictures(rng):
    _, result = example_result(rng)
    reading = replace(result.reading, mask=np.zeros_like(result.reading.mask))
    pictures = make_pictures(replace(result, reading=reading), BallProjector(np.full(3, 1e4), 1.0))
    assert len(pictures) == 8
