"""Overlays and drawings: what is blended, matched and drawn is what went in, where it belongs."""

import numpy as np
import pytest
from scipy import ndimage

from xvrcore import drawing, overlay


@pytest.fixture
def pair(rng):
    """Two smooth gray pictures and a round field."""
    first, second = (overlay.windowed(ndimage.gaussian_filter(rng.random((60, 80)), 3), np.ones((60, 80), bool))
                     for _ in range(2))
    v, u = np.mgrid[:60, :80]
    return first, second, np.hypot(u - 40, v - 30) < 28


def test_a_blend_begins_with_one_picture_and_ends_with_the_other(pair):
    first, second, _ = pair
    assert np.array_equal(overlay.blend(first, second, 0), overlay.rgb(first))
    assert np.array_equal(overlay.blend(first, second, 1), overlay.rgb(second))


def test_windowing_does_not_care_about_units_or_what_lies_outside(pair, rng):
    image, _, mask = pair
    reference = overlay.windowed(image, mask)
    assert reference.min() == 0
    assert reference.max() == 1
    assert np.allclose(overlay.windowed(rng.uniform(0.1, 900) * image + rng.normal(), mask), reference)
    elsewhere = np.where(mask, image, 1e6)
    assert np.allclose(overlay.windowed(elsewhere, mask)[mask], reference[mask])


def test_raising_detail_does_not_care_about_units(pair, rng):
    image, _, mask = pair
    reference = overlay.windowed(overlay.enhanced(image, mask), mask)
    other = overlay.windowed(overlay.enhanced(rng.uniform(1, 90) * image + rng.normal(), mask), mask)
    assert np.allclose(other, reference, atol=1e-6)


def test_matching_undoes_any_change_of_gray_values(pair):
    image, _, mask = pair
    for change in (np.exp, np.sqrt, lambda x: x**3 - 5):
        assert np.abs(overlay.matched(change(image), image, mask) - image)[mask].mean() < 0.003


def test_matching_gives_equal_values_equal_grays():
    flat = np.zeros((8, 8))
    assert np.ptp(overlay.matched(flat, np.linspace(0, 1, 64).reshape(8, 8), np.ones((8, 8), bool))) == 0


def test_agreement_is_gray_in_the_color_blend_and_black_in_the_difference(pair):
    picture, other, _ = pair
    assert np.ptp(overlay.color_blend(picture, picture).astype(int), axis=-1).max() <= 1
    assert np.ptp(overlay.color_blend(picture, other).astype(int), axis=-1).max() > 20
    assert overlay.difference(picture, picture).max() == 0


def test_the_difference_is_orange_where_the_xray_is_denser_and_blue_where_the_drr_is():
    red, _, blue = overlay.difference(np.array([[0.8, 0.2]]), np.array([[0.2, 0.8]]))[0].T
    assert red[0] > blue[0]
    assert blue[1] > red[1]


def test_a_checkerboard_shows_each_picture_on_half_of_its_squares(pair):
    first, second, _ = pair
    board = overlay.checkerboard(np.zeros_like(first), np.ones_like(first))
    assert board[0, 0, 0] == 0
    assert board[0, 10, 0] == 255
    assert board.mean() == pytest.approx(127.5, rel=0.05)
    shown = overlay.checkerboard(first, second)
    assert ((shown == overlay.rgb(first)) | (shown == overlay.rgb(second))).all()


def test_the_edge_of_a_step_is_a_thin_line_on_the_step(rng):
    where = rng.uniform(20, 60)
    step = 1 / (1 + np.exp(where - np.arange(80.0))) * np.ones((60, 1))
    row, col = np.nonzero(overlay.edges(step, np.ones(step.shape, bool)))
    assert len(row) > 40
    assert np.abs(col - where).max() <= 1
    assert np.bincount(row).max() == 1


def test_edges_stay_inside_the_field_and_a_flat_picture_has_none(pair):
    image, _, mask = pair
    assert overlay.edges(image, mask)[mask].any()
    assert not overlay.edges(image, mask)[~mask].any()
    assert not overlay.edges(np.ones((30, 40)), np.ones((30, 40), bool)).any()
    assert not overlay.edges(image, np.zeros_like(mask)).any()


def test_without_edges_the_xray_is_left_as_it_is(pair):
    image, _, mask = pair
    assert np.array_equal(overlay.edges_over(image, np.ones_like(image), mask), overlay.rgb(image))


def test_dimming_darkens_outside_the_field_only(pair):
    image, _, mask = pair
    picture = overlay.rgb(image)
    dimmed = overlay.dimmed(picture, mask)
    assert np.array_equal(dimmed[mask], picture[mask])
    assert (dimmed[~mask] <= picture[~mask] * 0.5).all()


def test_an_outline_is_drawn_in_its_color_on_its_line_and_nowhere_else():
    circle = np.linspace(0, 2 * np.pi, 200)[:-1]
    line = np.stack([200 + 120 * np.cos(circle), 150 + 90 * np.sin(circle)], axis=1)
    drawn = drawing.draw_outlines(np.full((300, 400, 3), 90, np.uint8),
                                  (drawing.NamedLines("", (255, 0, 0), (line,)),))
    picture = drawn[:, :400].astype(int)
    for u, v in line[::10]:
        near = picture[round(v) - 1:round(v) + 2, round(u) - 1:round(u) + 2]
        assert (near[..., 0] - near[..., 1]).max() > 100
    v, u = np.mgrid[:300, :400]
    inner, outer = (np.hypot((u - 200) / (120 + d), (v - 150) / (90 + d)) for d in (-5, 5))
    untouched = (outer > 1) | ((inner < 1) & (np.hypot(u - 200, v - 150) > 30))      # the name is in the middle
    assert (picture[untouched] == 90).all()


def test_where_a_segment_is_cut_off_by_the_picture_no_line_is_drawn():
    frame = np.array([[-0.5, -0.5], [399.5, -0.5], [399.5, 299.5], [-0.5, 299.5]])
    drawn = drawing.draw_outlines(np.full((300, 400, 3), 90, np.uint8),
                                  (drawing.NamedLines("x", (255, 0, 0), (frame,)),))
    edge = np.r_[drawn[0, :400], drawn[-1, :400]]
    assert (edge == 90).all()


def test_the_legend_lists_what_can_be_seen(rng):
    square = np.array([[50, 50], [90, 50], [90, 90], [50, 90.0]])
    lines = [drawing.NamedLines(f"part {n}", tuple(rng.integers(60, 255, 3).tolist()), (square + n,))
             for n in range(40)]
    base = np.zeros((300, 400, 3), np.uint8)
    panel = drawing.draw_outlines(base, (*lines, drawing.NamedLines("absent", (1, 250, 2), ())))[:, 400:]
    colors = {tuple(color) for color in panel.reshape(-1, 3).tolist()}
    assert all(line.color in colors for line in lines)
    assert (1, 250, 2) not in colors
    assert drawing.draw_outlines(base, ()).shape == base.shape


def test_names_never_cover_each_other_and_stay_in_the_picture(rng):
    items = [(rng.uniform([10, 5], [40, 9]), rng.uniform(-20, 220, (6, 2))) for _ in range(40)]
    boxes = [box for box in drawing.free_places(items, (200, 200)) if box]
    assert len(boxes) > 5
    for n, a in enumerate(boxes):
        assert min(a[:2]) >= 0
        assert max(a[2:]) <= 200
        for b in boxes[:n]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_landmarks_are_marked_where_they_are_and_left_out_where_they_are_not():
    base = np.zeros((300, 400, 3), np.uint8)
    drawn = drawing.draw_landmarks(base, ("here", "outside", "behind"),
                                   np.array([[120.0, 80], [500, 50], [np.nan, np.nan]]))
    assert drawn[80, 120, 0] > 200
    assert np.array_equal(drawing.draw_landmarks(base, ("outside",), np.array([[500.0, 50]])), base)
