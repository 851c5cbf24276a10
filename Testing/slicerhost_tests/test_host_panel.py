"""The probe's panel, driven by mouse and keyboard."""

import pathlib

import pytest
from slicerhost import testing as user


def test_a_click_reaches_the_logic_only_when_the_inputs_are_there(probe, ct):
    import slicer

    ui = probe.ui
    assert not ui.applyButton.enabled
    assert ui.applyButton.toolTip == "Select a CT"
    with pytest.raises(AssertionError, match="disabled"):
        user.click(ui.applyButton)
    user.select_node(ui.ctSelector, ct)
    pose = ui.poseSelector.addNode()
    assert pose.GetName() == "Pose"
    user.type_text(ui.stepSlider.spinBox(), "2.5")
    user.click(ui.applyButton)
    assert ui.statusLabel.text == "Moved 2.5 mm"
    assert slicer.util.arrayFromTransformMatrix(pose)[0, 3] == 2.5
    assert probe._parameterNode.history == ["2.5"]


def test_widgets_and_parameters_follow_each_other(probe):
    ui, p = probe.ui, probe._parameterNode
    user.click(ui.verboseCheckBox)
    assert p.verbose is True
    user.choose(ui.metricCombo, "NCC")
    assert p.metric.name == "NCC"
    user.type_text(ui.sddBox, "1234")
    assert p.geometry.sdd == 1234
    p.geometry.flipped = True
    assert ui.flipCheckBox.checked
    user.drag_slider(ui.stepSlider, 25.0)
    assert p.step == pytest.approx(25, abs=0.5)
    user.type_text(ui.checkpointPath, "/a/b.pth")
    assert p.checkpoint == pathlib.Path("/a/b.pth")


def test_a_path_line_edit_remembers_its_history_and_knows_a_valid_path(probe, tmp_path):
    path = tmp_path / "model.pth"
    path.touch()
    edit, valid = probe.ui.checkpointPath, []
    edit.connect("validInputChanged(bool)", valid.append)
    user.type_text(edit, str(path))
    edit.addCurrentPathToHistory()
    user.type_text(edit, "nowhere")
    assert valid == [True, False]
    assert [edit.comboBox().itemText(i) for i in range(edit.comboBox().count)] == [str(path)]


def test_a_collapsed_section_hides_its_widgets_until_it_is_opened(probe):
    ui = probe.ui
    ui.label_0.visible = ui.label_1.visible = False
    user.click(ui.inputsSection)
    assert ui.inputsSection.collapsed
    with pytest.raises(AssertionError, match="not visible"):
        user.click(ui.flipCheckBox)
    ui.label_1.visible = True
    assert not ui.label_1.visible
    user.click(ui.inputsSection)
    assert not ui.label_0.visible
    assert ui.label_1.visible
    assert ui.label_2.visible


def test_a_segment_is_hidden_by_a_click_on_its_eye(probe):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bones")
    node.CreateDefaultDisplayNodes()
    for name in ("femur", "tibia"):
        node.GetSegmentation().AddEmptySegment(name, name)
    table, display = probe.ui.segmentsTable, node.GetDisplayNode()
    table.setSegmentationNode(node)
    user.click_cell(table, 1, 0)
    assert display.GetSegmentVisibility("femur")
    assert not display.GetSegmentVisibility("tibia")
    user.click_cell(table, 0, 1)
    assert table.selectedSegmentIDs() == ("femur",)


def test_a_dropped_file_arrives(probe, tmp_path):
    assert user.drop_files(probe.dropArea, tmp_path)
    assert probe.dropArea.dropped == [str(tmp_path)]
    assert not user.drop_files(probe.ui.statusLabel, tmp_path)


def test_a_timer_ticks_while_the_test_waits(probe):
    user.click(probe.ui.tickButton)
    user.wait_until(lambda: probe.ticks >= 3, 2, "three ticks")
    user.click(probe.ui.tickButton)
    ticks = probe.ticks
    with pytest.raises(AssertionError, match="more ticks did not come true"):
        user.wait_until(lambda: probe.ticks > ticks, 0.1, "more ticks")


def test_enter_and_exit_are_called(probe):
    import slicer

    assert probe.entered == 1
    slicer.util.mainWindow().moduleSelector().leave()
    assert probe.entered == 0
    slicer.util.selectModule("HostProbe")
    assert probe.entered == 1


def test_a_selector_without_none_takes_the_first_node_and_none_when_it_goes(host, ct):
    import slicer

    combo = slicer.qMRMLNodeComboBox()
    changes = []
    combo.connect("currentNodeChanged(vtkMRMLNode*)", changes.append)
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    assert combo.nodeTypes == ("vtkMRMLScalarVolumeNode",)
    assert combo.addNode() is None
    combo.setMRMLScene(slicer.mrmlScene)
    assert changes == [ct]
    slicer.mrmlScene.RemoveNode(ct)
    assert changes == [ct, None]
    combo.setMRMLScene(None)


def test_hidden_nodes_and_subtypes_are_not_offered(host, ct):
    import slicer

    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    combo = slicer.qMRMLNodeComboBox()
    combo.setMRMLScene(slicer.mrmlScene)
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    assert combo.nodeCount() == 2
    combo.showChildNodeTypes = False
    assert combo.nodeCount() == 1
    ct.SetHideFromEditors(True)
    combo.showChildNodeTypes = True
    combo.setCurrentNode(labels)
    assert combo.currentNodeID == labels.GetID()
    combo.setMRMLScene(None)


def test_the_picture_of_the_panel_shows_its_widgets(probe, tmp_path):
    import qt

    user.save_panel(probe, tmp_path / "panel.png")
    user.save_window(tmp_path / "window.png")
    panel, window = qt.QImage(str(tmp_path / "panel.png")), qt.QImage(str(tmp_path / "window.png"))
    assert panel.width() > 400
    assert panel.height() > 500
    assert (window.width(), window.height()) == (1280, 800)
