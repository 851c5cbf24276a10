"""The pose by hand: what is drawn follows, in time, and the other side is a click away."""

import numpy as np
from panel_steps import choose_inputs, open_section, settle
from registration_scene import camera, finer, write_xray
from slicerhost import testing as user


def test_the_drr_follows_a_slider_within_a_tenth_of_a_second_and_refines_at_rest(panel, ct, tmp_path, host):
    import slicer

    write_xray(tmp_path / "large.dcm", finer(camera(rows=176, cols=176)))
    choose_inputs(panel, ct, tmp_path / "large.dcm")
    open_section(panel.ui.handSection)
    times, node = [], panel.parameters.drr
    for value in range(4, 52, 4):
        host.processEvents()  # the views show the move before this one
        before, began = node.GetImageData().GetMTime(), user.own_time_s()
        panel.ui.rightSlider.value = float(value)
        user.wait_until(lambda before=before: node.GetImageData().GetMTime() > before, 5, "drawn")
        times.append(user.own_time_s() - began)
        assert slicer.util.arrayFromVolume(node).shape == (1, 256, 256)
    assert np.median(times) < 0.1
    settle(panel)
    assert slicer.util.arrayFromVolume(node).shape == (1, 352, 352)


def test_a_move_of_a_slider_redraws_each_view_once(panel, ct, xray, host):
    """C-arm and DRR move together."""
    import slicer

    choose_inputs(panel, ct, xray[0])
    open_section(panel.ui.handSection)
    panel.session.carm._restTimer.setInterval(600_000)  # the hand does not rest
    moves, event = [], slicer.vtkMRMLTransformNode.TransformModifiedEvent
    tag = panel.parameters.pose.AddObserver(event, lambda *_: moves.append(event))
    threeD = slicer.mrmlScene.GetNodeByID("vtkMRMLViewNodeXRay3D")
    views = host.layoutManager().sliceWidget("XRay").sliceView(), host.layoutManager().viewWidget(threeD).threeDView()
    before = [view.renderCount() for view in views]
    for value in range(1, 6):
        panel.ui.rightSlider.value = 2.0 * value
        user.wait_until(lambda: panel.session.worker.idle, 20, "drawn")
        host.processEvents()
    panel.parameters.pose.RemoveObserver(tag)
    assert len(moves) == 5
    assert [view.renderCount() for view in views] == [count + 5 for count in before]


def test_no_move_of_a_fast_hand_is_lost(panel, ct, xray):
    """Where a slider is moved before what another one shows is drawn."""
    from XVRRegistrationLib.hand_pose import handPoseOf

    choose_inputs(panel, ct, xray[0])
    open_section(panel.ui.handSection)
    for value in range(1, 6):
        panel.ui.rightSlider.value = 2.0 * value
        panel.ui.rollSlider.value = 1.0 * value
        panel.update()
        assert (panel.ui.rightSlider.value, panel.ui.rollSlider.value) == (2.0 * value, value)
    settle(panel)
    hand = handPoseOf(panel.session.xray.camera(), panel.session.drawer.centerRas)
    assert np.allclose((hand.right, hand.roll), (10, 5))
    panel.ui.rightSlider.value = 20.0
    user.click(panel.ui.undoButton)
    settle(panel)
    assert np.allclose((panel.ui.rightSlider.value, panel.ui.rollSlider.value), (10, 5))


def test_handles_in_3d_move_the_c_arm(panel, ct, xray, host):
    import slicer

    choose_inputs(panel, ct, xray[0])
    open_section(panel.ui.handSection)
    user.click(panel.ui.handlesCheckBox)
    settle(panel)
    before, depth = panel.session.xray.rasFromCamera(), panel.ui.depthSlider.value
    drawn = slicer.util.arrayFromVolume(panel.parameters.drr).copy()
    view = host.layoutManager().viewWidget(slicer.mrmlScene.GetNodeByID("vtkMRMLViewNodeXRay3D")).threeDView()
    view.forceRender()
    x, y = in_view(view, panel.session.drawer.centerRas)
    user.drag(view, (x, y), (x + 60, y + 20), steps=6)
    settle(panel)
    moved = np.linalg.inv(before) @ panel.session.xray.rasFromCamera()
    assert np.allclose(moved[:3, :3], np.eye(3))
    assert np.linalg.norm(moved[:3, 3]) > 10
    assert panel.ui.depthSlider.value != depth
    assert not np.allclose(slicer.util.arrayFromVolume(panel.parameters.drr), drawn, atol=0.1)
    assert ct.GetParentTransformNode() is None
    user.click(panel.ui.undoButton)
    settle(panel)
    assert np.allclose(panel.session.xray.rasFromCamera(), before)
    user.click(panel.ui.handlesCheckBox)
    settle(panel)
    assert not panel.parameters.pose.GetDisplayNode().GetEditorVisibility()


def in_view(view, ras):
    """Where a 3D view shows a point: (x, y) from its top left corner."""
    import vtk

    coordinate = vtk.vtkCoordinate()
    coordinate.SetCoordinateSystemToWorld()
    coordinate.SetValue(*ras.tolist())
    x, y = coordinate.GetComputedDisplayValue(view.renderer())
    return x, view.height - 1 - y


def test_antipode_and_flip_look_from_the_other_side(panel, ct, xray):
    choose_inputs(panel, ct, xray[0])
    open_section(panel.ui.handSection)
    before, center = panel.session.xray.camera(), panel.session.drawer.centerRas
    user.click(panel.ui.antipodeButton)
    settle(panel)
    there = panel.session.xray.camera()
    assert np.dot(there.ras_from_camera[:3, 2], before.ras_from_camera[:3, 2]) < -0.999
    assert np.allclose(there.project(center)[1], before.project(center)[1])
    user.click(panel.ui.antipodeButton)
    user.click(panel.ui.flipButton)
    settle(panel)
    mirrored = panel.session.xray.camera()
    assert np.allclose(mirrored.ras_from_camera, before.ras_from_camera)
    assert mirrored.intrinsics == before.intrinsics.mirrored()
    assert panel.ui.flipOrigin.text == "edited"
    user.click(panel.ui.undoButton)
    settle(panel)
    assert panel.session.xray.camera().intrinsics == before.intrinsics
