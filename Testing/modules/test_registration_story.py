"""The whole story by mouse: read, see, register, judge, compare, undo, save, load."""

import time

import numpy as np
import pytest
from panel_steps import choose_inputs, open_section, register, settle
from registration_scene import error_px
from slicerhost import testing as user


@pytest.fixture
def ready(panel, ct, xray):
    """The panel with a CT and an X-ray whose geometry is complete."""
    path, _truth = xray
    choose_inputs(panel, ct, path)
    return panel


def state_the_principal_point(panel, truth):
    u, v = truth.intrinsics.principal_point_px
    user.type_text(panel.ui.principalUBox, str(u))
    settle(panel)
    user.type_text(panel.ui.principalVBox, str(v))
    settle(panel)


def test_auto_start_registers_with_live_progress(ready, xray):
    truth = xray[1]
    state_the_principal_point(ready, truth)
    assert ready.ui.principalUOrigin.text == "edited"
    shown = set()
    ready.ui.progressBar.connect("valueChanged(int)", shown.add)
    before = ready.session.xray.rasFromCamera()
    result = register(ready)
    assert result.verdict.label == "registered"
    assert error_px(ready.session.xray.camera(), truth) < 1.0
    assert len(shown) >= 3  # steps that come faster than the panel is updated share one update
    assert ready.ui.verdictLabel.text.startswith("Registered")
    assert ready.ui.historyTable.rowCount == 1
    user.click(ready.ui.beforeButton)
    settle(ready)
    assert np.allclose(ready.session.xray.rasFromCamera(), before)
    user.click(ready.ui.beforeButton)
    settle(ready)
    assert error_px(ready.session.xray.camera(), truth) < 1.0


def test_cancelling_ends_the_work_at_once_and_moves_nothing(ready):
    before = ready.session.xray.rasFromCamera()

    def cancelled_after_s():
        user.click(ready.ui.registerButton)
        user.wait_until(lambda: ready.session.registering.progress is not None, 60, "it runs")
        began = time.monotonic()
        user.click(ready.ui.cancelButton)
        user.wait_until(lambda: not ready.session.worker.busy, 20, "cancelled")
        took = time.monotonic() - began
        settle(ready)
        assert np.allclose(ready.session.xray.rasFromCamera(), before)
        assert "Cancelled" in ready.ui.messageLabel.text
        return took

    assert best_of(cancelled_after_s, good_enough=0.5) < 0.5


def test_the_window_stays_responsive_while_registering(ready):
    def longest_gap_ms():
        with user.EventLoopGaps() as gaps:
            register(ready)
        return gaps.longest_ms

    assert best_of(longest_gap_ms, good_enough=250) < 250


def best_of(measure, good_enough, times=4):
    """The least of several measurements: other work on the machine only adds."""
    best = measure()
    for _ in range(times - 1):
        if best < good_enough:
            break
        best = min(best, measure())
    return best


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


def test_a_saved_scene_brings_everything_back(ready, tmp_path, host):
    import slicer

    register(ready)
    pose, camera = ready.session.xray.rasFromCamera(), ready.session.xray.camera()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    host.processEvents()
    assert ready.parameters.ct is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    settle(ready)
    p = ready.parameters
    assert p.ct.GetName() == "CT"
    assert ready.ui.ctSelector.currentNode() is p.ct
    assert np.allclose(ready.session.xray.rasFromCamera(), pose)
    assert ready.session.xray.camera().intrinsics == camera.intrinsics
    assert {node.GetParentTransformNode() for node in ready.session.xray.cameraNodes()} == {p.pose}
    assert ready.ui.historyTable.rowCount == 1
    register(ready)
    assert ready.ui.historyTable.rowCount == 2


@pytest.mark.parametrize("state", ["empty", "ready", "registering"])
def test_closing_and_reloading_leave_nothing(panel, ct, xray, state, host):
    import slicer

    if state != "empty":
        choose_inputs(panel, ct, xray[0])
    if state == "registering":
        user.click(panel.ui.registerButton)
        user.wait_until(lambda: panel.session.registering.progress is not None, 20, "it runs")
    slicer.util.reloadScriptedModule("XVRRegistration")
    again = slicer.modules.XVRRegistrationWidget
    assert again is not panel
    slicer.mrmlScene.Clear()
    host.processEvents()
    assert not slicer.util.getNodes("C-arm*")
    assert again.ui.registerButton.enabled is False
