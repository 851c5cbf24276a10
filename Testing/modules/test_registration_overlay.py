"""What is drawn over the X-ray is where it belongs."""


import numpy as np
import pytest
from panel_steps import choose_inputs, settle
from registration_scene import add_volume, camera, write_xray
from scipy.spatial.transform import Rotation
from slicerhost import testing as user

from xvrcore.volume import Volume

BALL_MM = 30.0
LINE_WIDTH = 2
"""Of an outline, in screen pixels."""


@pytest.fixture
def flipped_xray(tmp_path):
    """A flipped, off-center, non-square X-ray."""
    path = tmp_path / "flipped.dcm"
    return path, write_xray(path, camera(flipped=True, rows=120, cols=176))


def add_ball(center, name, color):
    """A segmentation with one ball, in a volume of its own around it."""
    import slicer

    ijk = np.indices((64, 64, 64))[::-1].transpose(1, 2, 3, 0) - 31.5
    place = np.eye(4)
    place[:3, 3] = center - 31.5 * 1.2
    place[:3, :3] *= 1.2
    inside = np.linalg.norm(ijk * 1.2, axis=-1) < BALL_MM
    grid = add_volume(Volume(np.where(inside, 500.0, 0.0).astype(np.float32), place, "HU"), "grid")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "balls")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(grid)
    segment = segmentation.GetSegmentation().AddEmptySegment(name, name, color)
    slicer.util.updateSegmentBinaryLabelmapFromArray(inside.astype(np.uint8), segmentation, segment, grid)
    return grid, segmentation


def sphere_outline(seen, center, count=720):
    """The exact perspective outline (u, v) of a sphere: where rays touch it."""
    axis = np.linalg.inv(seen.ras_from_camera) @ np.r_[center, 1]
    axis = axis[:3]
    distance = np.linalg.norm(axis)
    axis = axis / distance
    side = np.cross(axis, [1, 0, 0])
    side /= np.linalg.norm(side)
    tangent = np.arcsin(BALL_MM / distance)
    turns = Rotation.from_rotvec(np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None] * axis)
    rays = turns.apply(np.cos(tangent) * axis + np.sin(tangent) * side)
    pixels = rays @ seen.intrinsics.matrix.T
    return pixels[:, :2] / pixels[:, 2:]


def drawn_points(host, color):
    """Screen positions (x, y from the top left) where the X-ray's view shows a color."""
    widget = host.layoutManager().sliceWidget("XRay")
    widget.sliceView().forceRender()
    image = widget.sliceView().image().astype(int)
    rows, columns = np.nonzero(np.abs(image - np.round(255 * np.array(color))).sum(axis=2) < 60)
    return np.stack([columns, rows], axis=1), image.shape


def on_screen(points_ras, host, shape):
    """Screen positions of points in RAS, by the slice view's own matrix."""
    import slicer

    node = host.layoutManager().sliceWidget("XRay").mrmlSliceNode()
    xy_from_ras = np.linalg.inv(slicer.util.arrayFromVTKMatrix(node.GetXYToRAS()))
    xy = np.c_[points_ras, np.ones(len(points_ras))] @ xy_from_ras.T
    return np.stack([xy[:, 0] - 0.5, shape[0] - 0.5 - xy[:, 1]], axis=1)


def line_offsets(drawn, expected, reach):
    """How far the middle of a drawn line lies beside each point of the closed curve it should follow, in pixels."""
    along = np.roll(expected, -1, axis=0) - np.roll(expected, 1, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    offsets = []
    for point, tangent, normal in zip(expected, along, across, strict=True):
        there = drawn - point
        beside = there[(np.abs(there @ tangent) < 1) & (np.abs(there @ normal) < reach)] @ normal
        assert len(beside), f"no line near {point}"
        offsets.append((beside.min() + beside.max()) / 2)
    return np.array(offsets)


def test_an_outline_lies_on_its_analytic_projection_in_the_view(panel, host, flipped_xray):
    path, truth = flipped_xray
    color = (0.0, 1.0, 0.0)
    center = truth.ras_from_camera[:3, 3] + 690 * truth.ras_from_camera[:3, 2] + [9, -6, 12]
    grid, segmentation = add_ball(center, "ball", color)
    choose_inputs(panel, grid, path)
    panel.parameters.segmentation = segmentation
    panel.parameters.showField = False
    moved = truth.ras_from_camera.copy()
    moved[:3, 3] += [7, 4, -5]
    for pose in (truth.ras_from_camera, moved):
        panel.session.carm.moveTo(pose)
        settle(panel)
        seen = panel.session.xray.camera()
        pixels = sphere_outline(seen, center)
        drawn, shape = drawn_points(host, color)
        expected = on_screen(seen.detector_ras(pixels[:, 0], pixels[:, 1]), host, shape)
        pixel_on_screen = np.linalg.norm(np.diff(on_screen(seen.detector_ras([0, 1], [0, 0]), host, shape), axis=0))
        assert np.abs(line_offsets(drawn, expected, reach=3 * pixel_on_screen)).max() < pixel_on_screen
        distances = np.linalg.norm(drawn[:, None] - expected[None], axis=2)
        assert distances.min(axis=1).max() < pixel_on_screen + LINE_WIDTH  # and nothing is drawn elsewhere


def test_the_images_corners_are_where_the_camera_says(panel, ct, flipped_xray, host):
    import slicer

    choose_inputs(panel, ct, flipped_xray[0])
    turned = panel.session.xray.rasFromCamera()
    turned[:3, :3] = turned[:3, :3] @ Rotation.from_euler("xyz", [5, -8, 3], degrees=True).as_matrix()
    panel.session.carm.moveTo(turned)
    settle(panel)
    seen, node = panel.session.xray.camera(), panel.parameters.image
    for u, v in ((0, 0), (175, 0), (175, 119), (0, 119)):
        ijk_to_ras = slicer.util.arrayFromVTKMatrix(_matrix(node))
        stands = turned @ ijk_to_ras @ [u, v, 0, 1]
        assert np.allclose(seen.project(stands[:3])[0], [u, v], atol=1e-6)
    corners = on_screen(seen.detector_ras([0, 175, 0], [0, 0, 119]), host, (1000, 1000))
    assert corners[1, 0] > corners[0, 0]
    assert corners[2, 1] > corners[0, 1]
    assert abs(corners[1, 1] - corners[0, 1]) < 1e-6


def _matrix(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_every_mode_shows_something_else(panel, ct, xray, host):
    from XVRRegistrationLib.parameters import Overlay

    choose_inputs(panel, ct, xray[0])
    view = host.layoutManager().sliceWidget("XRay").sliceView()
    seen = []
    for mode in (Overlay.Edges, Overlay.Color, Overlay.Checkerboard, Overlay.Difference, Overlay.Blend):
        user.choose(panel.ui.modeCombo, mode.label())
        settle(panel)
        view.forceRender()
        seen.append(view.image().astype(int))
    for i, one in enumerate(seen):
        assert all(np.abs(one - other).mean() > 0.2 for other in seen[:i])
    user.drag_slider(panel.ui.blendSlider, 0)
    settle(panel)
    view.forceRender()
    assert np.abs(view.image().astype(int) - seen[-1]).mean() > 0.2


def test_flicker_alternates_and_ends(panel, ct, xray, host):
    from XVRRegistrationLib.parameters import Overlay

    choose_inputs(panel, ct, xray[0])
    user.choose(panel.ui.modeCombo, Overlay.Flicker.label())
    opacities = set()
    composite = panel.session.xray.composite()

    def both():
        opacities.add(composite.GetForegroundOpacity())
        return opacities >= {0.0, 1.0}

    user.wait_until(both, 5, "it flickers")
    user.choose(panel.ui.modeCombo, Overlay.Blend.label())
    settle(panel)
    assert not panel.overlaySection.flickerTimer.active


def test_outlines_follow_the_segmentations_visibility_and_names(panel, flipped_xray):
    truth = flipped_xray[1]
    grid, segmentation = add_ball(truth.ras_from_camera @ [0, 0, 700, 1] @ np.eye(4)[:, :3], "ball", (1, 0, 0))
    choose_inputs(panel, grid, flipped_xray[0])
    user.select_node(panel.ui.segmentationSelector, segmentation)
    settle(panel)
    (model,) = panel.session.overlay.outlineModels().values()
    assert model.GetDisplayNode().GetVisibility()
    segmentation.GetDisplayNode().SetSegmentVisibility("ball", False)
    assert not model.GetDisplayNode().GetVisibility()
    segmentation.GetDisplayNode().SetSegmentVisibility("ball", True)
    segmentation.GetSegmentation().GetSegment("ball").SetName("Left ball")
    settle(panel)
    assert model.GetName() == "Projected Left ball"
    user.click(panel.ui.outlinesCheckBox)
    settle(panel)
    assert not model.GetDisplayNode().GetVisibility()
    user.select_node(panel.ui.segmentationSelector, None)
    settle(panel)
    assert panel.session.overlay.outlineModels() == {}


def test_a_segmentation_of_another_grid_is_projected_without_its_empty_segments(panel, ct, xray):
    import slicer

    other = slicer.util.addVolumeFromArray(np.zeros((40, 50, 60), np.float32), name="other")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "cuboid")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(other)
    for name, inside in (("nothing", 0), ("cuboid", 1)):
        segment = segmentation.GetSegmentation().AddEmptySegment(name, name)
        mask = np.full((40, 50, 60), inside, np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, other)
    choose_inputs(panel, ct, xray[0])
    user.select_node(panel.ui.segmentationSelector, segmentation)
    settle(panel)
    assert panel.ui.messageLabel.text == ""
    assert list(panel.session.overlay.outlineModels()) == ["cuboid"]


@pytest.mark.parametrize("flipped", [False, True])
def test_landmarks_start_and_their_projection(panel, ct, tmp_path, flipped):
    """Also where the image is the mirror image of what is shown at first."""
    import slicer

    truth = write_xray(tmp_path / "shot.dcm", camera(flipped=flipped))
    choose_inputs(panel, ct, tmp_path / "shot.dcm")
    points = truth.ras_from_camera[:3, 3] + 700 * truth.ras_from_camera[:3, 2] + np.array(
        [[40, 0, 20], [-35, 25, 0], [10, -30, -40], [0, 20, 50], [-20, -20, 30]], float)
    three, two = (slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name) for name in ("3D", "2D"))
    pixels, _ = truth.project(points)
    shown = panel.session.xray.camera()
    for i, (point, pixel) in enumerate(zip(points, pixels, strict=True)):
        three.AddControlPoint(*point, f"L{i}")
        two.AddControlPoint(*shown.detector_ras(*pixel), f"L{i}")
    user.select_node(panel.ui.points3dSelector, three)
    user.select_node(panel.ui.points2dSelector, two)
    settle(panel)
    assert two.GetParentTransformNode() is panel.parameters.pose
    user.type_text(panel.ui.principalUBox, str(truth.intrinsics.principal_point_px[0]))
    settle(panel)
    user.click(panel.ui.landmarksButton)
    settle(panel)
    assert "reprojection error" in panel.ui.startStatus.text
    assert panel.session.xray.intrinsics().flipped == flipped
    assert panel.parameters.projectedPoints.GetNumberOfControlPoints() == 5
    projected = slicer.util.arrayFromMarkupsControlPoints(panel.parameters.projectedPoints, world=True)
    placed = slicer.util.arrayFromMarkupsControlPoints(two, world=True)
    assert np.linalg.norm(projected - placed, axis=1).max() < 15
    user.click(panel.ui.autoButton)
    assert "landmarks" in panel.ui.startStatus.text
    write_xray(tmp_path / "other.dcm", camera(primary=-25))
    choose_inputs(panel, ct, tmp_path / "other.dcm")
    assert "header" in panel.ui.startStatus.text  # these points were placed on another X-ray
