"""Slice, 3D and plot views: real pictures, real mouse."""

import numpy as np
import pytest
from slicerhost import testing as user

ROWS, COLUMNS, ROW, COLUMN = 48, 64, 9, 50  # a blob in the upper right of an X-ray
SOURCE_TO_DETECTOR = 400.0


def _xray(pixel=(1.0, 2.0)):
    """An X-ray of one pixel layer in a coronal plane: columns towards the patient's left, rows downwards."""
    import slicer

    y, x = np.mgrid[:ROWS, :COLUMNS]
    image = np.exp(-((x - COLUMN) ** 2 + (y - ROW) ** 2) / 8.0).astype(np.float32)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = [-pixel[0], 0, 0], [0, 0, -pixel[1]], [0, -1, 0]
    matrix[:3, 3] = [30, SOURCE_TO_DETECTOR, 45]
    return slicer.util.addVolumeFromArray(image[None], ijkToRAS=matrix, name="X-ray"), matrix


def _face_on(slice_node, matrix):
    right, down = (matrix[:3, k] / np.linalg.norm(matrix[:3, k]) for k in (0, 1))
    center = matrix @ [(COLUMNS - 1) / 2, (ROWS - 1) / 2, 0, 1]
    slice_node.SetSliceToRASByNTP(*-np.cross(right, down), *right, *center[:3], 0)


@pytest.fixture
def xray_view(probe):
    """The slice widget of the probe's own layout, with an X-ray face on, and the matrix of the X-ray."""
    import slicer

    probe.showLayout()
    volume, matrix = _xray()
    widget = slicer.app.layoutManager().sliceWidget("Probe")
    widget.mrmlSliceCompositeNode().SetDoPropagateVolumeSelection(False)
    widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    _face_on(widget.mrmlSliceNode(), matrix)
    widget.sliceLogic().FitSliceToAll()
    return widget, matrix


def _pixel_in_view(widget, matrix, row, column):
    """(row, column) in the view's picture of a pixel of the X-ray, through the slice node's own matrix."""
    import slicer
    import vtk

    ras_to_xy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(widget.mrmlSliceNode().GetXYToRAS(), ras_to_xy)
    x, y, *_ = slicer.util.arrayFromVTKMatrix(ras_to_xy) @ matrix @ [column, row, 0, 1]
    return widget.sliceView().height - 1 - y, x


def test_an_xray_stands_upright_in_its_slice_view_where_the_geometry_says(xray_view, tmp_path):
    widget, matrix = xray_view
    picture = widget.sliceView().image()[..., 0].astype(float)
    assert picture.shape == (widget.sliceView().height, widget.sliceView().width)
    weights = np.where(picture > 0.7 * picture.max(), picture, 0)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    found = (rows * weights).sum() / weights.sum(), (columns * weights).sum() / weights.sum()
    assert found == pytest.approx(_pixel_in_view(widget, matrix, ROW, COLUMN), abs=1.5)
    assert found[0] < picture.shape[0] / 2
    assert found[1] > picture.shape[1] / 2
    user.save_view(widget, tmp_path / "xray.png")
    assert (tmp_path / "xray.png").stat().st_size > 1000


def test_a_foreground_and_a_segmentation_are_drawn_over_the_xray(xray_view):
    import slicer
    import vtk

    widget, matrix = xray_view
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(COLUMNS, ROWS, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetImageToWorldMatrix(slicer.util.vtkMatrixFromArray(matrix))
    labels = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(ROWS, COLUMNS)
    labels[:] = 0
    labels[30:40, 10:20] = 1
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Outlines")
    node.CreateDefaultDisplayNodes()
    segment = slicer.vtkSegment()
    segment.SetName("bone")
    segment.SetColor(1, 0, 0)
    segment.SetLabelValue(1)
    segment.AddRepresentation("Binary labelmap", image)
    node.GetSegmentation().AddSegment(segment, "bone")
    node.GetDisplayNode().SetVisibility2DFill(False)
    picture = widget.sliceView().image().astype(int)
    red = picture[..., 0] - picture[..., 1] > 100
    rows, columns = np.nonzero(red)
    top, left = _pixel_in_view(widget, matrix, 29.5, 9.5)
    assert rows.min() == pytest.approx(top, abs=2)
    assert columns.min() == pytest.approx(left, abs=2)
    assert not red[int(top) + 20, int(left) + 20], "only the outline is drawn"
    node.GetDisplayNode().SetSegmentVisibility("bone", False)
    assert np.array_equal(widget.sliceView().image()[..., 0], widget.sliceView().image()[..., 1])


def test_many_changes_make_one_render(xray_view):
    import slicer

    widget, _ = xray_view
    slicer.app.processEvents()
    before = widget.sliceView().renderCount()
    volume = slicer.util.getNode("X-ray")
    for value in range(50):
        slicer.util.arrayFromVolume(volume)[:] = value
        slicer.util.arrayFromVolumeModified(volume)
    assert widget.sliceView().renderCount() == before
    user.wait_until(lambda: widget.sliceView().renderCount() > before, 2)
    assert widget.sliceView().renderCount() <= before + 2
    with slicer.util.RenderBlocker(), slicer.util.RenderBlocker():
        paused = widget.sliceView().renderCount()
        slicer.util.arrayFromVolumeModified(volume)
        slicer.app.processEvents()
        assert widget.sliceView().renderCount() == paused
    user.wait_until(lambda: widget.sliceView().renderCount() > paused, 2)


def test_a_layout_of_ones_own_makes_its_views_and_the_old_one_comes_back(probe):
    import slicer

    manager = slicer.app.layoutManager()
    previous = manager.layout
    probe.showLayout()
    view_node = slicer.mrmlScene.GetNodeByID("vtkMRMLViewNodeProbe3D")
    assert manager.viewWidget(view_node).visible
    assert not manager.sliceWidget("Red").visible
    assert manager.threeDWidget("Probe3D") is None
    assert manager.sliceWidget("Probe").mrmlSliceNode().GetID() == "vtkMRMLSliceNodeProbe"
    manager.setLayout(previous)
    slicer.app.processEvents()
    assert manager.sliceWidget("Red").visible
    assert not manager.viewWidget(view_node).visible
    with pytest.raises(ValueError, match="no layout 9876"):
        manager.setLayout(9876)


@pytest.fixture
def cube_view(probe):
    """The probe's 3D view with a cube in it."""
    import slicer
    import vtk

    probe.showLayout()
    view = slicer.app.layoutManager().viewWidget(slicer.mrmlScene.GetNodeByID("vtkMRMLViewNodeProbe3D")).threeDView()
    source = vtk.vtkCubeSource()
    for axis in "XYZ":
        getattr(source, f"Set{axis}Length")(60)
    source.Update()
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Cube")
    model.SetAndObservePolyData(source.GetOutput())
    model.CreateDefaultDisplayNodes()
    model.GetDisplayNode().SetColor(1, 0, 0)
    return view, model


def _red_center(view):
    picture = view.image().astype(int)
    rows, columns = np.nonzero(picture[..., 0] - picture[..., 2] > 60)
    return (rows.mean(), columns.mean()) if len(rows) else None


def test_a_model_is_drawn_in_3d_and_moves_with_its_transform(cube_view):
    import slicer

    view, model = cube_view
    row, column = _red_center(view)
    assert row == pytest.approx(view.height / 2, abs=8)
    pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Pose")
    model.SetAndObserveTransformNodeID(pose.GetID())
    matrix = np.eye(4)
    matrix[2, 3] = 60  # superior, upwards in the view
    slicer.util.updateTransformMatrixFromArray(pose, matrix)
    moved = _red_center(view)
    assert moved[0] < row - 20
    assert moved[1] == pytest.approx(column, abs=3)
    model.GetDisplayNode().SetVisibility(False)
    assert _red_center(view) is None


def test_the_handle_of_a_transform_is_dragged_by_the_mouse(cube_view):
    import slicer

    view, model = cube_view
    model.GetDisplayNode().SetVisibility(False)
    pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Pose")
    pose.CreateDefaultDisplayNodes()
    display = pose.GetDisplayNode()
    display.SetEditorScalingEnabled(False)
    display.SetEditorVisibility(True)
    display.SetEditorVisibility3D(True)
    moves = []
    pose.AddObserver(slicer.vtkMRMLTransformNode.TransformModifiedEvent, lambda *_: moves.append(1))
    view.image()
    middle = (view.width / 2, view.height / 2)
    user.drag(view, (middle[0], middle[1] - 40), (middle[0] + 10, middle[1] - 90), steps=5)  # the arrow upwards
    matrix = slicer.util.arrayFromTransformMatrix(pose)
    assert len(moves) >= 3
    assert matrix[2, 3] > 10
    assert np.allclose(matrix[:2, 3], 0, atol=1e-6)


def test_the_mouse_turns_the_3d_view(cube_view):
    view, _ = cube_view
    before = np.array(view.cameraNode().GetPosition())
    user.drag(view, (60, 60), (120, 60))
    assert np.linalg.norm(np.array(view.cameraNode().GetPosition()) - before) > 10


def test_a_plot_shows_its_series_in_a_layout_and_in_a_panel(host):
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "losses")
    slicer.util.updateTableFromArray(table, [np.arange(5.0), np.arange(5.0) ** 2], ["iteration", "loss"])
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "loss")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("iteration")
    series.SetYColumnName("loss")
    series.SetColor(1, 0, 0)
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "chart")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    slicer.modules.plots.logic().ShowChartInLayout(chart)
    slicer.app.processEvents()
    view = slicer.app.layoutManager().plotWidget(0).plotView()
    assert view.seriesNames() == ["loss"]
    picture = view.image().astype(int)
    assert (picture[..., 0] - picture[..., 1] > 100).any(), "a red line"
    chart.RemoveAllPlotSeriesNodeIDs()
    assert view.seriesNames() == []


def test_gaps_of_the_event_loop_are_measured(host):
    import time

    import qt

    with user.EventLoopGaps() as gaps:
        user.wait_until(lambda: len(gaps.gaps_ms) > 10, 5)
    assert gaps.longest_ms < 150
    with user.EventLoopGaps() as gaps:
        qt.QTimer.singleShot(0, lambda: time.sleep(0.25))
        user.wait_until(lambda: len(gaps.gaps_ms) > 3, 5)
    assert 240 < gaps.longest_ms < 600
    with user.EventLoopGaps() as gaps:
        time.sleep(0.2)
    assert gaps.longest_ms > 190
