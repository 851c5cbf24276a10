"""Inputs and geometry: what is missing or wrong is said in the panel, and nothing hangs."""

import json

import numpy as np
import pytest
from panel_steps import choose_inputs, register, settle, wait_for_drr
from registration_scene import add_volume, camera, patient, write_xray
from slicerhost import testing as user
from unusable_volumes import UNUSABLE, unusable_volume

from xvrcore.camera import Camera


def drop(panel, path):
    assert user.drop_files(panel.inputsSection.dropArea, path)
    user.wait_until(lambda: panel.session.worker.idle, 20, "read")
    settle(panel)


def type_geometry(panel, sdd="1000", row="2.2", column="1.9"):
    for box, text in ((panel.ui.sddBox, sdd), (panel.ui.rowSpacingBox, row), (panel.ui.columnSpacingBox, column)):
        user.type_text(box, text)
        settle(panel)


def test_missing_values_are_highlighted_until_typed(panel, ct, picture):
    user.select_node(panel.ui.ctSelector, ct)
    drop(panel, picture)
    ui = panel.ui
    assert ui.sddOrigin.text == ui.rowSpacingOrigin.text == ui.columnSpacingOrigin.text == "missing"
    assert "highlighted" in ui.geometryStatus.text
    assert not ui.registerButton.enabled
    type_geometry(panel)
    wait_for_drr(panel)
    assert ui.sddOrigin.text == ui.columnSpacingOrigin.text == "edited"
    assert ui.principalUOrigin.text == "assumed"
    assert ui.registerButton.enabled
    assert panel.session.xray.intrinsics().spacing_mm == (2.2, 1.9)
    assert "144 rows" in ui.sizeLabel.text


def test_edits_are_tagged_and_the_headers_values_come_back(panel, ct, xray):
    choose_inputs(panel, ct, xray[0])
    user.type_text(panel.ui.sddBox, "1100")
    settle(panel)
    assert panel.ui.sddOrigin.text == "edited"
    assert panel.session.xray.intrinsics().sdd_mm == 1100
    user.choose(panel.ui.flipCombo, "not mirrored")
    settle(panel)
    assert panel.ui.flipOrigin.text == "edited"
    assert panel.session.xray.intrinsics().flipped is False
    user.click(panel.ui.headerValuesButton)
    settle(panel)
    assert panel.ui.sddBox.value == 1000
    assert panel.ui.sddOrigin.text == "header"
    assert panel.session.xray.intrinsics().sdd_mm == 1000


def test_an_xray_of_the_scene_is_read_from_its_file(panel, ct, xray):
    import SimpleITK as sitk
    import slicer

    node = slicer.util.addVolumeFromArray(sitk.GetArrayFromImage(sitk.ReadImage(str(xray[0]))), name="imported")
    node.SetAttribute("DICOM.instanceUIDs", slicer.dicomDatabase.insert(xray[0]))
    user.select_node(panel.ui.ctSelector, ct)
    user.select_node(panel.ui.xraySelector, node)
    wait_for_drr(panel)
    assert panel.ui.sddOrigin.text == "header"
    assert panel.session.reading.radiograph.path == xray[0]
    assert node.GetParentTransformNode() is None


@pytest.mark.parametrize(("make", "words"), UNUSABLE)
def test_an_unusable_volume_is_named_in_the_panel(panel, ct, xray, make, words):
    choose_inputs(panel, ct, xray[0])
    wrong = unusable_volume(make)
    panel.parameters.ct = wrong
    settle(panel)
    assert words in panel.ui.messageLabel.text
    assert wrong.GetName() in panel.ui.messageLabel.text
    assert panel.ui.messageLabel.visible
    panel.parameters.ct = ct
    settle(panel)
    assert panel.ui.messageLabel.text == ""


@pytest.mark.parametrize(("name", "content", "words"), [
    ("notes.txt", b"no picture", "neither DICOM"), ("broken.dcm", b"\0" * 128 + b"DICM" + b"rubbish" * 9, "DICOM")])
def test_a_file_that_is_no_xray_is_named_in_the_panel(panel, ct, tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    user.select_node(panel.ui.ctSelector, ct)
    drop(panel, path)
    assert words in panel.ui.messageLabel.text
    assert name in panel.ui.messageLabel.text
    assert not panel.ui.registerButton.enabled


def test_what_is_wrong_is_said_in_the_panels_words(panel, ct, xray, picture):
    """The core's messages serve the command line too, whose options mean nothing here."""
    choose_inputs(panel, ct, xray[0])
    said = []
    user.type_text(panel.ui.sddBox, "0")
    settle(panel)
    said.append(panel.ui.messageLabel.text)
    user.type_text(panel.ui.sddBox, "1100")
    settle(panel)
    said.append(panel.ui.sddOrigin.toolTip)
    for geometry in ({"sdd_mm": -1000, "pixel_spacing_mm": 2}, {"sdd_mm": 1000, "pixel_spacing_mm": 0}):
        wrong = picture.with_stem(f"wrong {len(said)}")
        wrong.write_bytes(picture.read_bytes())
        wrong.with_suffix(".json").write_text(json.dumps(geometry))
        drop(panel, wrong)
        said.append(panel.ui.messageLabel.text)
    assert all(said)
    assert not [words for words in said if "--" in words]


def test_a_frame_that_the_file_has_no_more_is_named(panel, ct, tmp_path):
    write_xray(tmp_path / "film.dcm", frames=3)
    choose_inputs(panel, ct, tmp_path / "film.dcm")
    write_xray(tmp_path / "film.dcm", frames=2)
    panel.parameters.frame = 2
    settle(panel)
    assert "has 2 frames, 0 to 1; 2 is not among them" in panel.ui.messageLabel.text


def test_a_path_that_is_no_file_is_named_and_stays_to_be_corrected(panel, ct, xray, tmp_path):
    choose_inputs(panel, ct, xray[0])
    panel.ui.xrayPath.currentPath = str(tmp_path / "mistyped.dcm")
    settle(panel)
    assert "mistyped.dcm" in panel.ui.inputsStatus.text
    panel.parameters.showField = False
    settle(panel)
    assert panel.ui.xrayPath.currentPath == str(tmp_path / "mistyped.dcm")
    assert panel.session.reading.radiograph.path == xray[0]
    panel.ui.xrayPath.currentPath = str(xray[0])
    settle(panel)
    assert "176 x 144" in panel.ui.inputsStatus.text


def test_a_volume_is_no_xray(panel, ct):
    user.select_node(panel.ui.ctSelector, ct)
    user.select_node(panel.ui.xraySelector, ct)
    settle(panel)
    assert "not an X-ray" in panel.ui.messageLabel.text


def test_transforms_above_the_ct_belong_to_its_place(panel, ct, xray):
    """The found pose is relative to where the CT stands in the world."""
    import slicer
    import vtk

    choose_inputs(panel, ct, xray[0])
    moved = np.eye(4)
    moved[:3, 3] = [30, -20, 10]
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(moved.ravel().tolist())
    transform.SetMatrixTransformToParent(matrix)
    ct.SetAndObserveTransformNodeID(transform.GetID())
    settle(panel)
    register(panel)
    truth = Camera(xray[1].intrinsics, moved @ xray[1].ras_from_camera)
    center = moved @ np.r_[patient().center_ras, 1]
    pixel, _ = panel.session.xray.camera().project(center[:3])
    assert np.linalg.norm(pixel - truth.project(center[:3])[0]) < 1


@pytest.mark.parametrize(("kind", "words"), [("warp", "not linear"), ("scaling", "rigid")])
@pytest.mark.parametrize("when", ["at rest", "registering"])
def test_a_pose_that_is_no_rigid_motion_is_named_and_nothing_is_lost(panel, ct, xray, kind, words, when):
    import slicer
    import vtk

    choose_inputs(panel, ct, xray[0])
    if when == "registering":
        user.click(panel.ui.registerButton)
        user.wait_until(lambda: panel.session.registering.progress is not None, 20, "it runs")
    pose = panel.parameters.pose
    if kind == "warp":
        above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
        above.SetAndObserveTransformFromParent(vtk.vtkThinPlateSplineTransform())
    else:
        above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "scaling")
        slicer.util.updateTransformMatrixFromArray(above, np.diag([1.5, 1, 1, 1]))
    pose.SetAndObserveTransformNodeID(above.GetID())
    user.wait_until(lambda: not panel.session.worker.busy, 60, "it ends")
    settle(panel)
    assert not panel.ui.registerButton.enabled
    assert not panel.ui.rollSlider.enabled
    assert words in panel.ui.registerButton.toolTip
    assert panel.parameters.pose.GetName() in panel.ui.messageLabel.text
    if when == "registering":
        assert panel.ui.historyTable.rowCount == 1
    pose.SetAndObserveTransformNodeID(None)
    settle(panel)
    assert panel.ui.registerButton.enabled


@pytest.mark.parametrize("victim", ["ct", "image", "pose"])
def test_a_node_deleted_while_registering(panel, ct, xray, victim):
    import slicer

    choose_inputs(panel, ct, xray[0])
    user.click(panel.ui.registerButton)
    user.wait_until(lambda: panel.session.registering.progress is not None, 20, "it runs")
    slicer.mrmlScene.RemoveNode(getattr(panel.parameters, victim))
    user.wait_until(lambda: not panel.session.worker.busy, 60, "it ends")
    settle(panel)
    assert panel.session.p.ct is None if victim == "ct" else "deleted" in panel.ui.messageLabel.text


def test_an_xray_whose_pose_was_deleted_is_moved_by_no_button(panel, ct, xray):
    import slicer

    choose_inputs(panel, ct, xray[0])
    register(panel)
    user.click_cell(panel.ui.historyTable, 0, 1)
    slicer.mrmlScene.RemoveNode(panel.parameters.pose)
    panel.ui.beforeButton.click()  # before the panel knows
    settle(panel)
    for name in ("beforeButton", "restoreButton", "registerButton", "rollSlider", "flipButton", "undoButton"):
        assert not getattr(panel.ui, name).enabled
        assert getattr(panel.ui, name).toolTip


@pytest.mark.parametrize("replaced", ["xray", "geometry", "ct"])
def test_an_input_replaced_while_registering_ends_it(panel, ct, xray, tmp_path, replaced):
    """What it would find belongs to the inputs it began with."""
    write_xray(tmp_path / "other.dcm", camera(primary=-25), angles=(-20.0, -10.0))
    choose_inputs(panel, ct, xray[0])
    before = panel.session.xray.rasFromCamera()
    user.click(panel.ui.registerButton)
    user.wait_until(lambda: panel.session.registering.progress is not None, 20, "it runs")
    if replaced == "xray":
        assert user.drop_files(panel.inputsSection.dropArea, tmp_path / "other.dcm")
    elif replaced == "geometry":
        panel.session.edit(sdd_mm=1100.0)
    else:
        panel.parameters.ct = add_volume(patient(), "other")
    user.wait_until(lambda: not panel.session.worker.busy, 20, "it ends")
    settle(panel)
    assert panel.ui.historyTable.rowCount == 0
    assert panel.ui.verdictLabel.text == "Not registered yet."
    assert panel.session.registering.result is None
    assert np.allclose(panel.session.xray.rasFromCamera(), before) == (replaced != "xray")
    assert panel.session.xray.intrinsics().sdd_mm == (1100 if replaced == "geometry" else 1000)
    register(panel)
    assert panel.ui.historyTable.rowCount == 1


@pytest.mark.parametrize("victim", ["ct", "image", "pose", "drr"])
def test_a_node_deleted_while_a_hand_moves_the_pose(panel, ct, xray, victim):
    import slicer

    choose_inputs(panel, ct, xray[0])
    panel.ui.rollSlider.value += 5.0
    slicer.mrmlScene.RemoveNode(getattr(panel.parameters, victim))
    settle(panel)
    assert panel.ui.rollSlider.enabled == (victim == "drr")


def test_another_xray_starts_afresh(panel, ct, xray, tmp_path):
    choose_inputs(panel, ct, xray[0])
    register(panel)
    write_xray(tmp_path / "other.dcm", camera(primary=-25), angles=(-20.0, -10.0))
    drop(panel, tmp_path / "other.dcm")
    assert panel.session.registering.result is None
    assert panel.ui.verdictLabel.text == "Not registered yet."
    assert panel.ui.primaryBox.value == -20
    assert panel.ui.historyTable.rowCount == 1


def test_a_second_volume_replaces_the_first(panel, ct, xray):
    import slicer

    choose_inputs(panel, ct, xray[0])
    before = slicer.util.arrayFromVolume(panel.parameters.drr).copy()
    other = patient()
    user.select_node(panel.ui.ctSelector, add_volume(other.with_values(other.values[::-1].copy(), "HU"), "upside down"))
    settle(panel)
    assert not np.allclose(slicer.util.arrayFromVolume(panel.parameters.drr), before, atol=0.05)
