"""Frames of a sequence: each has its own pose, from a file with several frames and from a sequence of the scene."""

import numpy as np
import pytest
from panel_steps import choose_inputs, settle, wait_for_drr
from registration_scene import add_volume, camera, patient, write_xray
from slicerhost import testing as user

from xvrcore.positioner import camera_pose


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A DICOM file with three frames, all alike."""
    path = tmp_path_factory.mktemp("film") / "film.dcm"
    return path, write_xray(path, frames=3)


def go_to(panel, frame):
    user.type_text(panel.ui.frameBox, str(frame))
    settle(panel)


def test_each_frame_of_a_file_has_its_own_pose(panel, ct, film):
    choose_inputs(panel, ct, film[0])
    session = panel.session
    assert session.frames.count == 3
    assert panel.ui.sequenceSection.visible
    first = session.xray.rasFromCamera()
    go_to(panel, 1)
    assert np.allclose(session.xray.rasFromCamera(), first)  # the header's, until it is registered
    moved = first.copy()
    moved[0, 3] += 25
    session.carm.moveByHand(moved)
    settle(panel)
    go_to(panel, 0)
    assert np.allclose(session.xray.rasFromCamera(), first)
    assert not panel.ui.undoButton.enabled  # undo stays within a frame
    go_to(panel, 1)
    assert np.allclose(session.xray.rasFromCamera(), moved)
    assert session.p.poses.GetNumberOfDataNodes() == 3


def test_register_all_frames(panel, ct, film):
    choose_inputs(panel, ct, film[0])
    user.click(panel.ui.registerAllButton)
    user.wait_until(lambda: len(panel.session.frames.verdicts()) == 3 and not panel.session.worker.busy, 90, "all")
    settle(panel)
    assert "3 registered" in panel.ui.sequenceStatus.text
    assert panel.ui.historyTable.rowCount == 3
    assert panel.ui.historyTable.item(1, 1).text() == "previous frame"


def test_a_sequence_of_the_scene_gets_poses_in_its_own_browser(panel, host, tmp_path):
    import slicer

    ct = add_volume(patient())
    seen = camera()
    image = slicer.util.addVolumeFromArray(np.zeros((1, 40, 50), np.float32), name="frame")
    images = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "XA")
    rng = np.random.default_rng(1)
    for frame in range(2):
        slicer.util.updateVolumeFromArray(image, rng.normal(size=(1, 40, 50)).cumsum(axis=2).astype(np.float32))
        images.SetDataNodeAtValue(image, str(frame))
    slicer.mrmlScene.RemoveNode(image)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "XA browser")
    browser.SetAndObserveMasterSequenceNodeID(images.GetID())
    slicer.modules.sequences.logic().UpdateAllProxyNodes()
    user.select_node(panel.ui.ctSelector, ct)
    user.select_node(panel.ui.xraySelector, browser.GetProxyNode(images))
    user.wait_until(lambda: panel.session.reading is not None, 20, "read")
    settle(panel)
    user.type_text(panel.ui.sddBox, "1000")
    settle(panel)
    user.type_text(panel.ui.rowSpacingBox, "5")
    wait_for_drr(panel)
    assert panel.parameters.browser is browser
    panel.session.carm.moveTo(camera_pose(10, 0, 700, seen.source_ras * 0))
    settle(panel)
    first = slicer.util.arrayFromVolume(panel.parameters.image).copy()
    browser.SetSelectedItemNumber(1)
    settle(panel)
    assert panel.parameters.frame == 1
    assert not np.array_equal(slicer.util.arrayFromVolume(panel.parameters.image), first)
    assert not np.allclose(panel.session.xray.rasFromCamera(), camera_pose(10, 0, 700, seen.source_ras * 0))
    browser.SetSelectedItemNumber(0)
    settle(panel)
    assert np.allclose(panel.session.xray.rasFromCamera(), camera_pose(10, 0, 700, seen.source_ras * 0))
