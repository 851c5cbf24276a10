"""Where registrations start from, and what they are told to do: networks, and the settings under Advanced."""

from dataclasses import replace

import numpy as np
import pytest
from fixed_network import network_that_says
from panel_steps import choose_inputs, open_section, register, settle, silent
from registration_scene import CENTER, add_volume, error_px, patient, write_xray
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs

from xvrcore import rigid
from xvrcore.checkpoint import write_checkpoint
from xvrcore.training.files import NETWORK

TURNED = rigid.twist_motion([0.06, -0.05, 0.04, 8.0, -6.0, 5.0], CENTER)
"""As far as a good network may be off."""


@pytest.fixture
def network(tmp_path, xray):
    """A network of the patient, as a job of XVR Finetune leaves it, that sees any X-ray a little beside the truth."""
    truth = xray[1]
    path = tmp_path / "hip job" / NETWORK
    path.parent.mkdir()
    (path.parent / "config.json").write_text("{}")
    write_checkpoint(path, network_that_says(TURNED @ truth.ras_from_camera, patient(), truth.intrinsics))
    return path


def choose_network(panel, path):
    with dialogs.answer("Choose a network", str(path)):
        user.click(panel.ui.networkFileButton)
    settle(panel)


def test_a_finetuned_network_is_offered_and_tells_where_to_start(panel, ct, xray, network):
    from XVRCommonLib import job_list

    job_list.remember(network.parent)
    choose_inputs(panel, ct, xray[0])
    panel.enter()
    user.choose(panel.ui.networkCombo, "hip job")
    settle(panel)
    assert panel.parameters.network == network
    user.click(panel.ui.networkButton)
    settle(panel)
    assert "network hip job" in panel.ui.startStatus.text
    shown = panel.session.xray.rasFromCamera()
    assert rigid.rotation_angle_deg(shown, xray[1].ras_from_camera) < 6
    register(panel)
    assert panel.ui.historyTable.item(0, 1).text() == "network hip job"
    assert error_px(panel.session.xray.camera(), xray[1]) < 1
    user.choose(panel.ui.networkCombo, "None")
    settle(panel)
    assert str(panel.parameters.network) == "."


def test_auto_prefers_the_network_to_the_header(panel, ct, xray, network):
    choose_inputs(panel, ct, xray[0])
    choose_network(panel, network)
    register(panel)
    assert panel.ui.historyTable.item(0, 1).text() == "network hip job"


def test_a_network_follows_the_volume_under_a_transform(panel, ct, xray, network):
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    slicer.util.updateTransformMatrixFromArray(table, TURNED)
    ct.SetAndObserveTransformNodeID(table.GetID())
    choose_inputs(panel, ct, xray[0])
    choose_network(panel, network)
    user.click(panel.ui.networkButton)
    settle(panel)
    assert panel.ui.messageLabel.text == ""
    seen = panel.session.xray.rasFromCamera()
    assert rigid.rotation_angle_deg(seen, TURNED @ xray[1].ras_from_camera) < 6


def test_a_network_of_another_patient_is_refused_by_name(panel, xray, network):
    other = patient()
    elsewhere = other.ras_from_ijk.copy()
    elsewhere[:3, 3] += 60
    choose_inputs(panel, add_volume(type(other)(other.values, elsewhere, "HU"), "someone else"), xray[0])
    before = panel.session.xray.rasFromCamera()
    choose_network(panel, network)
    for button in (panel.ui.networkButton, panel.ui.registerButton):
        user.click(button)
        user.wait_until(lambda: not panel.session.worker.busy and panel.session.worker.idle, 60, "refused")
        settle(panel)
        assert "another volume" in panel.ui.messageLabel.text
        assert "someone else" in panel.ui.messageLabel.text
        assert np.allclose(panel.session.xray.rasFromCamera(), before)


@pytest.mark.parametrize("kind", ["auto", "network"])
def test_a_network_of_a_volume_elsewhere_starts_by_the_transform_between_the_two(panel, xray, network, tmp_path, kind):
    import slicer

    volume, truth = patient(), xray[1]
    here_from_there = rigid.twist_motion([0.5, -0.3, 0.8, 60.0, -40.0, 30.0], CENTER)
    here = add_volume(replace(volume, ras_from_ijk=here_from_there @ volume.ras_from_ijk))
    seen = replace(truth, ras_from_camera=here_from_there @ truth.ras_from_camera)
    choose_inputs(panel, here, xray[0])
    open_section(panel.ui.advancedSection)
    settle(panel)
    assert panel.ui.templateSelector.toolTip == "Choose a network first."
    assert silent(panel) == []
    choose_network(panel, network)
    user.click(getattr(panel.ui, f"{kind}Button"))
    register(panel)
    assert "state the template transform between the two" in panel.ui.messageLabel.text
    assert panel.ui.historyTable.rowCount == 0
    above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "above")
    slicer.util.updateTransformMatrixFromArray(above, rigid.inverse(here_from_there))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "to template")
    node.SetAndObserveTransformNodeID(above.GetID())
    user.select_node(panel.ui.templateSelector, node)
    settle(panel)
    assert "by the transform to template" in panel.ui.inputsStatus.text
    register(panel)
    assert panel.ui.messageLabel.text == ""
    assert panel.ui.historyTable.item(0, 1).text() == "network hip job, by the transform to template"
    assert error_px(panel.session.xray.camera(), seen) < 1
    assert slicer.util.saveScene(str(tmp_path / "elsewhere.mrb"))
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(tmp_path / "elsewhere.mrb"))
    settle(panel)
    assert panel.ui.templateSelector.currentNode().GetName() == "to template"


def test_a_template_transform_goes_with_the_network_it_was_stated_for(panel, ct, xray, network, tmp_path):
    import slicer

    other = tmp_path / "follow-up.safetensors"
    other.write_bytes(network.read_bytes())
    choose_inputs(panel, ct, xray[0])
    choose_network(panel, other)
    open_section(panel.ui.advancedSection)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "to template")
    slicer.util.updateTransformMatrixFromArray(node, TURNED)
    user.select_node(panel.ui.templateSelector, node)
    settle(panel)
    assert "by the transform to template" in panel.ui.inputsStatus.text
    choose_network(panel, other)
    assert panel.ui.templateSelector.currentNode() is node
    choose_network(panel, network)
    assert panel.ui.templateSelector.currentNode() is None
    assert "transform" not in panel.ui.inputsStatus.text
    user.click(panel.ui.networkButton)
    settle(panel)
    assert panel.ui.startStatus.text == "Start: network hip job."


@pytest.mark.parametrize(("make", "words"), [("scaling", "is not rigid"), ("warp", "not linear")])
def test_a_template_transform_that_is_not_rigid_is_refused(panel, ct, xray, network, make, words):
    import slicer
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "to template")
    if make == "scaling":
        slicer.util.updateTransformMatrixFromArray(node, np.diag([1.5, 1, 1, 1]))
    else:
        above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
        above.SetAndObserveTransformFromParent(vtk.vtkThinPlateSplineTransform())
        node.SetAndObserveTransformNodeID(above.GetID())
    choose_inputs(panel, ct, xray[0])
    choose_network(panel, network)
    open_section(panel.ui.advancedSection)
    user.select_node(panel.ui.templateSelector, node)
    user.click(panel.ui.networkButton)
    assert words in panel.ui.startStatus.text
    user.click(panel.ui.registerButton)
    settle(panel)
    assert words in panel.ui.messageLabel.text
    assert "to template" in panel.ui.messageLabel.text


def test_a_file_that_is_no_network_is_named(panel, ct, xray, tmp_path):
    path = tmp_path / "half.safetensors"
    path.write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    choose_inputs(panel, ct, xray[0])
    choose_network(panel, path)
    user.click(panel.ui.networkButton)
    settle(panel)
    assert "half.safetensors" in panel.ui.messageLabel.text


def test_without_a_network_the_start_says_what_to_do(panel, ct, xray):
    choose_inputs(panel, ct, xray[0])
    user.click(panel.ui.networkButton)
    assert "Choose a network" in panel.ui.startStatus.text
    user.click(panel.ui.registerButton)
    settle(panel)
    assert "Choose a network" in panel.ui.messageLabel.text


def test_networks_need_their_packages(panel, ct, xray, network):
    import slicer.packaging

    choose_inputs(panel, ct, xray[0])
    choose_network(panel, network)
    slicer.packaging.missing.add("safetensors")
    user.click(panel.ui.networkButton)
    assert "safetensors" in panel.ui.startStatus.text
    assert "XVR Finetune" in panel.ui.startStatus.text


def test_principal_point_and_sdd_are_refined_when_asked(panel, ct, xray):
    choose_inputs(panel, ct, xray[0])
    stated = panel.session.xray.intrinsics()
    register(panel)
    assert panel.session.xray.intrinsics() == stated
    open_section(panel.ui.advancedSection)
    for box in (panel.ui.refinePrincipalCheckBox, panel.ui.refineSddCheckBox):
        user.click(box)
    register(panel)
    refined = panel.session.xray.intrinsics()
    assert refined.sdd_mm != stated.sdd_mm
    assert refined.principal_point_px != stated.principal_point_px
    assert panel.ui.principalUOrigin.text == panel.ui.sddOrigin.text == "refined"
    assert abs(panel.ui.principalUBox.value - refined.principal_point_px[0]) < 0.01


def test_shown_segments_are_registered_alone(panel, ct, tmp_path):
    """In the X-ray the lower half of the patient has moved: the upper one alone is found where it is."""
    import slicer

    whole, half = patient(), len(patient().values) // 2
    moved = whole.values.copy()
    moved[:half] = np.roll(moved[:half], 5, axis=2)
    truth = write_xray(tmp_path / "moved.dcm", volume=whole.with_values(moved, "HU"))
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "halves")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    for name, part in (("upper", np.s_[half:]), ("lower", np.s_[:half]), ("erased", np.s_[:0])):
        mask = np.zeros(whole.values.shape, np.uint8)
        mask[part] = whole.values[part] > -500
        segment = segmentation.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, ct)
    choose_inputs(panel, ct, tmp_path / "moved.dcm")
    open_section(panel.ui.advancedSection)
    user.click(panel.ui.segmentsAloneCheckBox)
    user.click(panel.ui.registerButton)
    settle(panel)
    assert "No segment is shown" in panel.ui.messageLabel.text
    user.select_node(panel.ui.segmentationSelector, segmentation)
    segmentation.GetDisplayNode().SetSegmentVisibility("lower", False)
    panel.session.carm.moveByHand(TURNED @ truth.ras_from_camera)
    settle(panel)
    register(panel)
    center = rigid.apply(whole.ras_from_ijk, [28, 24, 36])
    assert np.linalg.norm(panel.session.xray.camera().project(center)[0] - truth.project(center)[0]) < 1
