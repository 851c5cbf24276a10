"""Outlines: contours are closed, oriented and sharp; segments appear where the camera's geometry puts them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from result_examples import random_camera
from scipy.spatial import ConvexHull

from xvrcore import rigid
from xvrcore.contours import trace_contours
from xvrcore.outlines import segment_outlines, write_outlines
from xvrcore.segments import Segment, Segmentation
from xvrcore.volume import Volume

SPACING = np.array([1.1, 0.9, 1.3])


def area(line):
    """Signed area, positive where the inside lies on the right as displayed (u right, v down)."""
    u, v = line.T
    return float(np.sum(u * np.roll(v, -1) - np.roll(u, -1) * v) / 2)


def grid(rng, shape=(48, 60, 56)):
    """An oblique, anisotropic grid centered at the RAS origin, and its voxels' places [k, j, i, 3]."""
    axes = random_camera(rng).ras_from_camera[:3, :3]
    if rng.integers(2):
        axes = axes * [1, 1, -1]
    matrix = np.eye(4)
    matrix[:3, :3] = axes * SPACING
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape[::-1]) - 1) / 2)
    k, j, i = np.indices(shape)
    return matrix, rigid.apply(matrix, np.stack([i, j, k], axis=-1))


def segmentation(values, matrix, *names):
    segments = tuple(Segment(n + 1, name, (1.0, n / 10, 0.0)) for n, name in enumerate(names))
    return Segmentation(Volume(values.astype(np.uint16), matrix, "labels"), segments)


def distance_to_polygon(points, polygon):
    """Distance of points (N, 2) to the closed polygon's line."""
    start, step = polygon, np.roll(polygon, -1, axis=0) - polygon
    t = np.clip(np.einsum("pnk,nk->pn", points[:, None] - start, step) / (step**2).sum(1), 0, 1)
    return np.linalg.norm(points[:, None] - start - t[..., None] * step, axis=-1).min(1)


def test_a_disk_is_traced_once_clockwise_and_exactly(rng):
    center, radius = rng.uniform(15, 20, 2), rng.uniform(6, 12)
    v, u = np.mgrid[:36, :40]
    soft = np.clip(0.5 + (radius - np.hypot(u - center[0], v - center[1])) / 4, 0, 1)
    (line,) = trace_contours(soft)
    assert np.abs(np.linalg.norm(line - center, axis=1) - radius).max() < 0.05
    assert area(line) == pytest.approx(np.pi * radius**2, rel=0.01)


def test_a_hole_runs_the_other_way():
    ring = np.zeros((20, 20))
    ring[3:17, 3:17] = 1
    ring[7:12, 7:12] = 0
    assert sorted(np.sign(area(line)) for line in trace_contours(ring)) == [-1, 1]
    assert sum(area(line) for line in trace_contours(ring)) == pytest.approx(ring.sum(), abs=0.51)


def test_contours_of_noise_are_closed_and_separate_what_is_above_from_what_is_below(rng):
    image = rng.random((17, 23))
    lines = trace_contours(image)
    for line in lines:
        assert np.abs(np.diff(np.vstack([line, line[:1]]), axis=0)).max() <= 1
    v, u = np.nonzero(np.ones(image.shape))
    inside = sum(winding(line, u, v) for line in lines).reshape(image.shape)
    assert np.array_equal(inside, image > 0.5)


def winding(line, u, v):
    """How often the line winds about pixels, clockwise as displayed."""
    angles = np.unwrap(np.arctan2(line[:, 1, None] - v, line[:, 0, None] - u), axis=0)
    last = np.angle(np.exp(1j * (angles[0] - angles[-1]))) + angles[-1]
    return np.round((last - angles[0]) / (2 * np.pi)).astype(int)


def test_what_leaves_the_image_is_closed_along_its_edge():
    (line,) = trace_contours(np.ones((4, 6)))
    assert area(line) == pytest.approx(24, abs=0.51)
    assert trace_contours(np.zeros((4, 6))) == ()


def test_a_ball_is_outlined_by_the_rays_that_touch_it(rng):
    matrix, places = grid(rng)
    center, radius = rng.uniform(-4, 4, 3), 20.0
    ball = segmentation(np.linalg.norm(places - center, axis=-1) < radius, matrix, "ball")
    camera = random_camera(rng, rows=120, cols=140, width_mm=220)
    (outline,) = segment_outlines(ball, camera)
    (line,) = outline.polylines
    rays = camera.detector_ras(*line.T) - camera.source_ras
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    miss_mm = np.linalg.norm(np.cross(center - camera.source_ras, rays), axis=1) - radius
    pitch_mm = min(camera.intrinsics.spacing_mm) * 0.7        # of a pixel, at the ball
    assert np.abs(miss_mm).max() < pitch_mm
    assert abs(miss_mm.mean()) < 0.4 * pitch_mm


def test_a_box_is_outlined_by_the_hull_of_its_projected_corners(rng):
    distances_px, area_errors = [], []
    low, high = np.array([9, 12, 8]), np.array([40, 45, 38])                 # i, j, k
    values = np.zeros((48, 60, 56))
    values[low[2]:high[2] + 1, low[1]:high[1] + 1, low[0]:high[0] + 1] = 1
    corners = np.array(np.meshgrid(*zip(low - 0.5, high + 0.5, strict=True))).reshape(3, -1).T
    for _ in range(6):
        matrix, _ = grid(rng)
        camera = random_camera(rng, rows=160, cols=140, width_mm=205)        # all of the box is seen
        (outline,) = segment_outlines(segmentation(values, matrix, "box"), camera)
        (line,) = outline.polylines
        hull = ConvexHull(camera.project(rigid.apply(matrix, corners))[0])
        distances_px.append(distance_to_polygon(line, hull.points[hull.vertices]))
        area_errors.append(abs(abs(area(line)) / hull.volume - 1))
    assert np.concatenate(distances_px).max() < 1
    assert np.mean([one.mean() for one in distances_px]) < 0.4
    assert np.mean(area_errors) < 0.03


def test_a_bead_lies_where_the_camera_projects_it(rng):
    matrix, places = grid(rng)
    voxel = tuple(rng.integers(5, 40, 3))
    values = np.zeros(places.shape[:3])
    values[tuple(slice(n - 1, n + 2) for n in voxel)] = 1
    camera = random_camera(rng, rows=120, cols=140, width_mm=140)
    (outline,) = segment_outlines(segmentation(values, matrix, "bead"), camera)
    uv, _ = camera.project(places[voxel])
    (line,) = outline.polylines
    assert np.linalg.norm(line.mean(axis=0) - uv) < 0.3


def test_a_sheet_one_voxel_thin_is_not_lost(rng):
    matrix, _ = grid(rng)
    values = np.zeros((48, 60, 56))
    values[24, 10:50, 10:46] = 1
    camera = random_camera(rng, rows=120, cols=140, width_mm=160)
    (outline,) = segment_outlines(segmentation(values, matrix, "sheet"), camera)
    corners = rigid.apply(matrix, np.array([[9.5, 9.5, 24], [45.5, 9.5, 24], [45.5, 49.5, 24], [9.5, 49.5, 24]]))
    uv, _ = camera.project(corners)
    assert sum(abs(area(line)) for line in outline.polylines) > 0.9 * ConvexHull(uv).volume


def test_a_tube_seen_along_its_axis_has_a_hole(rng):
    matrix, places = grid(rng)
    camera = random_camera(rng, rows=120, cols=140, width_mm=200)
    x, y, depth = np.moveaxis(rigid.apply(rigid.inverse(camera.ras_from_camera), places), -1, 0)
    distance = np.hypot(x, y)
    tube = segmentation((distance > 7) & (distance < 14) & (np.abs(depth - 700) < 15), matrix, "tube")
    (outline,) = segment_outlines(tube, camera)
    areas = sorted(area(line) for line in outline.polylines)
    assert areas[0] < -50
    assert areas[-1] > 200


def test_segments_are_told_apart_and_those_out_of_sight_are_empty(rng):
    matrix, places = grid(rng)
    values = np.zeros(places.shape[:3])
    values[10:15, 10:15, 10:15] = 1
    values[30:38, 40:46, 40:50] = 3
    camera = random_camera(rng, rows=120, cols=140, width_mm=250)
    outlines = segment_outlines(segmentation(values, matrix, "first", "absent", "third"), camera)
    assert [o.segment.name for o in outlines] == ["first", "absent", "third"]
    assert outlines[1].polylines == ()
    for outline, voxel in ((outlines[0], (12, 12, 12)), (outlines[2], (33.5, 42.5, 44.5))):
        uv, _ = camera.project(rigid.apply(matrix, np.array(voxel[::-1])))
        assert np.linalg.norm(outline.polylines[0].mean(axis=0) - uv) < 1.5
    behind = replace(camera, ras_from_camera=camera.ras_from_camera @ np.diag([1, -1, -1, 1.0]))
    assert all(o.polylines == () for o in segment_outlines(segmentation(values, matrix, "first"), behind))


def test_a_source_inside_the_segment_sees_it_everywhere(rng):
    matrix, places = grid(rng)
    camera = random_camera(rng, rows=24, cols=30, distance_mm=5, sdd_mm=100, width_mm=60)
    everything = segmentation(np.ones(places.shape[:3]), matrix, "all")
    (outline,) = segment_outlines(everything, camera)
    seen = sum(area(line) for line in outline.polylines) / (24 * 30)
    assert seen == pytest.approx(1, abs=0.02)


def test_a_coarser_lattice_changes_outlines_by_a_fraction_of_its_pixels(rng):
    matrix, places = grid(rng)
    ball = segmentation(np.linalg.norm(places, axis=-1) < 20, matrix, "ball")
    camera = random_camera(rng, rows=240, cols=280, width_mm=140)
    fine, coarse = (segment_outlines(ball, camera, longest_side_px=n)[0].polylines[0] for n in (280, 140))
    assert distance_to_polygon(coarse, fine).max() < 1


def test_the_json_holds_what_was_traced(rng, tmp_path):
    matrix, places = grid(rng)
    ball = segmentation(np.linalg.norm(places, axis=-1) < 20, matrix, "Knöchel <links>")
    camera = random_camera(rng, rows=120, cols=140, width_mm=140)
    outlines = segment_outlines(ball, camera)
    write_outlines(tmp_path / "outlines.json", outlines, camera.intrinsics)
    document = json.loads((tmp_path / "outlines.json").read_text(encoding="utf-8"))
    (record,) = document["segments"]
    assert (document["rows"], document["cols"]) == (120, 140)
    assert record["name"] == "Knöchel <links>"
    assert record["value"] == 1
    assert record["color"] == [1.0, 0.0, 0.0]
    assert np.allclose(record["polylines"][0], outlines[0].polylines[0], atol=1e-3)
