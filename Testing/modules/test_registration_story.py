"""The whole story by mouse: read, see, register, judge, compare, undo, save, load."""

import time
from dataclasses import replace

import numpy as np
import pytest
from panel_steps import CHOICES, choose_inputs, open_section, register, settle, silent, wait_for_drr
from registration_scene import camera, finer, mtre_mm, patient, write_xray
from slicerhost import testing as user


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A DICOM file with three frames."""
    path = tmp_path_factory.mktemp("film") / "film.dcm"
    write_xray(path, frames=3)
    return path


@pytest.fixture
def ready(panel, ct, xray):
    """The panel with a CT and an X-ray whose geometry is complete."""
    path, _truth = xray
    choose_inputs(panel, ct, path)
    return panel


@pytest.fixture(scope="module")
def hopeless_xray(tmp_path_factory):
    """An X-ray of nothing that the CT shows: registering it goes on until patience ends."""
    path, body = tmp_path_factory.mktemp("noise") / "noise.dcm", patient()
    noise = np.random.default_rng(5).uniform(-500, 900, body.values.shape).astype(np.float32)
    write_xray(path, volume=replace(body, values=noise))
    return path


@pytest.fixture
def hopeless(panel, ct, hopeless_xray):
    choose_inputs(panel, ct, hopeless_xray)
    return panel


def state_the_principal_point(panel, truth):
    u, v = truth.intrinsics.principal_point_px
    user.type_text(panel.ui.principalUBox, str(u))
    settle(panel)
    user.type_text(panel.ui.principalVBox, str(v))
    settle(panel)


def test_auto_start_registers_with_live_progress(panel, ct, tmp_path):
    truth = write_xray(tmp_path / "fine.dcm", finer(camera()))
    choose_inputs(panel, ct, tmp_path / "fine.dcm")
    state_the_principal_point(panel, truth)
    assert panel.ui.principalUOrigin.text == "edited"
    shown, poses = set(), set()
    panel.ui.progressBar.connect("valueChanged(int)", shown.add)
    before = panel.session.xray.rasFromCamera()
    drawn = panel.parameters.drr.GetImageData().GetMTime()

    def registered():
        poses.add(panel.session.xray.rasFromCamera().tobytes())
        return not panel.session.worker.busy

    user.click(panel.ui.registerButton)
    user.wait_until(registered, 60, "registered")
    settle(panel)
    assert len(shown) >= 3  # steps that come faster than the panel is updated share one update
    assert len(poses) >= 3  # the C-arm moves meanwhile
    assert panel.parameters.drr.GetImageData().GetMTime() > drawn
    assert panel.session.registering.result.verdict.label == "registered"
    assert panel.ui.verdictLabel.text.startswith("Registered")
    assert mtre_mm(panel.session.xray.camera(), truth) < 1
    assert panel.ui.historyTable.rowCount == 1
    user.click(panel.ui.beforeButton)
    settle(panel)
    assert np.allclose(panel.session.xray.rasFromCamera(), before)
    user.click(panel.ui.beforeButton)
    settle(panel)
    assert mtre_mm(panel.session.xray.camera(), truth) < 1


def tips(panel):
    return {name: widget.toolTip for name, widget in vars(panel.ui).items() if type(widget).__name__ in CHOICES}


def test_what_cannot_be_used_says_why(panel, ct, hopeless_xray):
    settle(panel)
    assert silent(panel) == []
    assert panel.ui.registerButton.toolTip == "Choose a CT or MR volume."
    choose_inputs(panel, ct, hopeless_xray)
    assert silent(panel) == []
    ready = tips(panel)
    assert ready["undoButton"] == "There is no pose before this one."
    assert ready["metricsButton"] == "Register first."
    user.click(panel.ui.registerButton)
    user.wait_until(lambda: panel.ui.cancelButton.enabled, 20, "it runs")
    for name in ("registerButton", "rollSlider", "undoButton", "headerButton", "exportButton"):
        assert not getattr(panel.ui, name).enabled
        assert "under way" in getattr(panel.ui, name).toolTip
    user.click(panel.ui.cancelButton)
    settle(panel)
    assert tips(panel)["rollSlider"] == ready["rollSlider"] == "Turn about the beam"
    assert silent(panel) == []


def test_cancelling_ends_the_work_at_once_and_moves_nothing(hopeless):
    before = hopeless.session.xray.rasFromCamera()
    user.click(hopeless.ui.registerButton)
    user.wait_until(lambda: hopeless.session.registering.progress is not None and hopeless.ui.cancelButton.enabled,
                    60, "it runs, and the panel shows it")
    began = user.own_time_s()
    user.click(hopeless.ui.cancelButton)
    user.wait_until(lambda: not hopeless.session.worker.busy, 20, "cancelled")
    assert user.own_time_s() - began < 0.5
    settle(hopeless)
    assert np.allclose(hopeless.session.xray.rasFromCamera(), before)
    assert "Cancelled" in hopeless.ui.messageLabel.text


def test_the_window_stays_responsive_while_registering(hopeless):
    with user.EventLoopGaps() as gaps:
        user.click(hopeless.ui.registerButton)
        until = time.monotonic() + 3
        user.wait_until(lambda: time.monotonic() > until, 20, "three seconds have passed")
    user.click(hopeless.ui.cancelButton)
    assert gaps.longest_ms < 250


def test_a_live_step_redraws_the_view_once(hopeless, host):
    """The C-arm moves together with what is seen from there."""
    import slicer

    moves, view = [], host.layoutManager().sliceWidget("XRay").sliceView()
    event = slicer.vtkMRMLTransformNode.TransformModifiedEvent
    tag = hopeless.parameters.pose.AddObserver(event, lambda *_: moves.append(view.renderCount()))
    drawn = view.renderCount()
    user.click(hopeless.ui.registerButton)
    user.wait_until(lambda: len(moves) >= 5, 60, "it moves")
    hopeless.parameters.pose.RemoveObserver(tag)
    assert view.renderCount() - drawn <= len(moves)
    user.click(hopeless.ui.cancelButton)
    settle(hopeless)


def test_every_attempt_is_kept_and_can_be_restored(ready):
    import slicer

    register(ready)
    found = ready.session.xray.rasFromCamera()
    open_section(ready.ui.handSection)
    user.click(ready.ui.antipodeButton)
    settle(ready)
    assert not np.allclose(ready.session.xray.rasFromCamera(), found)
    user.click_cell(ready.ui.historyTable, 0, 1)
    user.click(ready.ui.restoreButton)
    settle(ready)
    assert np.allclose(ready.session.xray.rasFromCamera(), found, atol=1e-6)
    user.click(ready.ui.undoButton)
    settle(ready)
    assert not np.allclose(ready.session.xray.rasFromCamera(), found)
    user.click(ready.ui.redoButton)
    settle(ready)
    assert np.allclose(ready.session.xray.rasFromCamera(), found, atol=1e-6)
    assert slicer.util.getNode("Registration attempts").GetNumberOfRows() == 1
    assert not ready.ui.historyTable.horizontalScrollBar().visible


def test_the_whole_story_from_sample_data_to_a_reloaded_scene(panel, tmp_path, host):
    import slicer
    from XVRRegistrationLib.parameters import Overlay
    from XVRRegistrationLib.sample_data import PHANTOM

    ui = panel.ui
    user.press_sample_button(PHANTOM)
    wait_for_drr(panel)
    assert (ui.sddBox.value, ui.sddOrigin.text) == (1000.0, "header")
    assert register(panel).verdict.label == "registered"
    found = panel.session.xray.rasFromCamera()
    for mode in (Overlay.Edges, Overlay.Checkerboard, Overlay.Color):
        user.choose(ui.modeCombo, mode.label())
        settle(panel)
    open_section(ui.handSection)
    user.drag_slider(ui.rollSlider, 15)
    settle(panel)
    assert "Another pose" in ui.verdictLabel.text
    user.click(ui.undoButton)
    settle(panel)
    assert ui.verdictLabel.text.startswith("Registered")
    seen = panel.session.xray.camera()
    outline = points_of(panel)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    host.processEvents()
    assert panel.parameters.ct is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle(panel)
    p = panel.parameters
    assert ui.ctSelector.currentNode() is p.ct
    assert (p.ct.GetName(), p.segmentation.GetName()) == ("XVR phantom", "XVR phantom segmentation")
    assert p.overlay is Overlay.Color
    assert np.allclose(panel.session.xray.rasFromCamera(), found)
    assert panel.session.xray.camera().intrinsics == seen.intrinsics
    assert {node.GetParentTransformNode() for node in panel.session.xray.cameraNodes()} == {p.pose}
    assert np.allclose(points_of(panel), outline, atol=0.01)
    assert panel.session.xray.composite().GetForegroundVolumeID() == p.comparison.GetID()
    assert ui.historyTable.rowCount == 1
    assert panel.session.reading.radiograph is not None
    register(panel)
    assert ui.historyTable.rowCount == 2


def points_of(panel):
    """The points of the one segment's outline, mm."""
    import slicer

    (model,) = panel.session.overlay.outlineModels().values()
    return slicer.util.arrayFromModelPoints(model).copy()


@pytest.mark.parametrize("leave", ["reload", "close"])
@pytest.mark.parametrize("state", ["empty", "ready", "registering", "dragging", "flickering", "playing"])
def test_closing_and_reloading_leave_nothing(panel, ct, xray, film, state, leave, host):
    import slicer

    if state != "empty":
        choose_inputs(panel, ct, film if state == "playing" else xray[0])
    if state == "dragging":
        panel.ui.rollSlider.value += 5.0
        user.wait_until(lambda: panel.session.carm.resting, 20, "it has moved")
        panel.ui.rollSlider.value += 5.0
    if state == "flickering":
        panel.ui.modeCombo.currentIndex = 5
        user.wait_until(lambda: panel.overlaySection.flickerTimer.active, 5, "it flickers")
    if state == "playing":
        panel.parameters.browser.SetPlaybackActive(True)
        panel.parameters.browser.SetSelectedItemNumber(1)
    if state == "registering":
        user.click(panel.ui.registerButton)
        user.wait_until(lambda: panel.session.registering.progress is not None, 20, "it runs")
    if leave == "reload":
        slicer.util.reloadScriptedModule("XVRRegistration")
        assert slicer.modules.XVRRegistrationWidget is not panel
    else:
        slicer.mrmlScene.Clear()
        host.processEvents()
        assert not slicer.util.getNodes("C-arm*")
        button = slicer.modules.XVRRegistrationWidget.ui.registerButton
        user.wait_until(lambda: not button.enabled, 5, "the panel knows")
