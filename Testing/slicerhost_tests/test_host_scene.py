"""The scene: saving and loading, the wrapper across a load, sequences, hierarchy, sample data, DICOM."""

import pathlib

import numpy as np
import pytest
from slicerhost import testing as user


def test_a_saved_scene_comes_back_with_parameters_in_the_open_panel(probe, ct, tmp_path):
    import slicer

    p = probe._parameterNode
    user.select_node(probe.ui.ctSelector, ct)
    p.pose = probe.ui.poseSelector.addNode()
    p.step, p.geometry.sdd, p.limit, p.checkpoint = 7.5, 1234.0, 3, pathlib.Path("/a/b")
    p.history = ["one", "two"]
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear()
    assert probe._parameterNode.ct is None
    assert probe.ui.ctSelector.currentNode() is None
    slicer.util.loadScene(str(path))
    p = probe._parameterNode
    assert p.ct.GetName() == "CT"
    assert probe.ui.ctSelector.currentNode() is p.ct
    assert (p.step, p.geometry.sdd, p.limit, p.checkpoint) == (7.5, 1234.0, 3, pathlib.Path("/a/b"))
    assert p.history == ["one", "two"]
    assert np.array_equal(slicer.util.arrayFromVolume(p.ct).ravel(), np.arange(24000))
    assert probe.ui.applyButton.enabled


def test_a_wrapper_held_over_a_load_reads_none_for_nodes_as_in_slicer(probe, ct, tmp_path):
    import slicer

    probe._parameterNode.ct = ct
    path = tmp_path / "scene.mrb"
    slicer.util.saveScene(str(path))
    held = probe._parameterNode
    slicer.mrmlScene.Clear()
    slicer.util.loadScene(str(path))
    assert held.ct is None
    assert probe._parameterNode.ct is not None


def test_a_pack_writes_itself_and_two_wrappers_of_a_node_agree(probe):
    import HostProbe

    one = probe._parameterNode
    two = HostProbe.HostProbeParameterNode(one.parameterNode)
    one.geometry.sdd = 900.0
    assert two.geometry.sdd == 900.0
    assert one.parameterNode.GetParameter("geometry.sdd") == "900.0"
    assert one.parameterNode.GetParameter("metric") == "GradientNCC"
    with pytest.raises(ValueError, match="within range"):
        two.geometry.sdd = 1.0
    assert one.geometry == HostProbe.Geometry(sdd=900.0, flipped=False)


def test_nodes_that_are_removed_leave_the_selector_and_the_parameter(probe, ct):
    import slicer

    probe._parameterNode.ct = ct
    assert probe.ui.ctSelector.currentNode() is ct
    slicer.mrmlScene.RemoveNode(ct)
    assert probe.ui.ctSelector.currentNode() is None
    assert probe._parameterNode.ct is None


def test_frames_and_poses_of_a_sequence_change_together(host):
    import slicer

    frame = slicer.util.addVolumeFromArray(np.zeros((1, 4, 5), np.float32), name="frame")
    pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pose")
    frames = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "XA frames")
    poses = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "XA poses")
    for k in range(3):
        slicer.util.arrayFromVolume(frame)[:] = k
        matrix = np.eye(4)
        matrix[0, 3] = 10 * k
        slicer.util.updateTransformMatrixFromArray(pose, matrix)
        frames.SetDataNodeAtValue(frame, str(k))
        poses.SetDataNodeAtValue(pose, str(k))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "XA")
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    browser.AddSynchronizedSequenceNode(poses)
    browser.SetSaveChanges(poses, True)
    slicer.modules.sequences.logic().UpdateAllProxyNodes()
    seek, play = slicer.qMRMLSequenceBrowserSeekWidget(), slicer.qMRMLSequenceBrowserPlayWidget()
    for widget in (seek, play):
        widget.setMRMLScene(slicer.mrmlScene)
        widget.setMRMLSequenceBrowserNode(browser)
    image, current = browser.GetProxyNode(frames), browser.GetProxyNode(poses)
    seek.slider().setValue(2)
    assert slicer.util.arrayFromVolume(image).max() == 2
    assert slicer.util.arrayFromTransformMatrix(current)[0, 3] == 20
    matrix[0, 3] = 99
    slicer.util.updateTransformMatrixFromArray(current, matrix)
    browser.SetSelectedItemNumber(0)
    assert seek.slider().value == 0
    browser.SetSelectedItemNumber(2)
    assert slicer.util.arrayFromTransformMatrix(current)[0, 3] == 99
    for widget in (seek, play):
        widget.setMRMLScene(None)


def test_the_subject_hierarchy_has_an_item_for_each_node_and_folders_survive_a_load(host, ct, tmp_path):
    import slicer

    def hierarchy():
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)

    node = hierarchy()
    folder = node.CreateFolderItem(node.GetSceneItemID(), "XVR")
    node.SetItemParent(node.GetItemByDataNode(ct), folder)
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert not hierarchy().GetItemByName("XVR")
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    node, loaded = hierarchy(), slicer.util.getNode("CT")
    assert node.GetItemName(node.GetItemParent(node.GetItemByDataNode(loaded))) == "XVR"
    slicer.mrmlScene.RemoveNode(loaded)
    assert not node.GetItemByName("CT")


def test_landmarks_are_placed_by_mouse_in_a_slice_view(host, ct):
    import slicer

    slicer.util.setSliceViewerLayers(background=ct, fit=True)
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "landmarks")
    points.CreateDefaultDisplayNodes()
    place = slicer.qSlicerMarkupsPlaceWidget()
    place.setMRMLScene(slicer.mrmlScene)
    modes = []
    place.connect("activeMarkupsPlaceModeChanged(bool)", modes.append)
    place.setCurrentNode(points)
    place.setPlaceModeEnabled(True)
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    view.image()
    user.click(view, (200, 150))
    assert points.GetNumberOfControlPoints() == 1
    xy_to_ras = slicer.util.arrayFromVTKMatrix(
        slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode().GetXYToRAS()
    )
    clicked = xy_to_ras @ [200, view.height - 1 - 150, 0, 1]
    assert slicer.util.arrayFromMarkupsControlPoints(points)[0] == pytest.approx(clicked[:3], abs=0.1)
    assert modes == [True, False]
    place.setMRMLScene(None)


def test_node_files_come_back(host, ct, tmp_path):
    import slicer

    pose = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "pose")
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    mask = (slicer.util.arrayFromVolume(ct) > 12000).astype(np.uint8)
    segmentation.GetSegmentation().AddEmptySegment("lung", "Lung")
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "lung", ct)
    for node, name, load in (
        (ct, "ct.nrrd", slicer.util.loadVolume),
        (pose, "pose.h5", slicer.util.loadTransform),
        (segmentation, "organs.seg.nrrd", slicer.util.loadSegmentation),
    ):
        assert slicer.util.saveNode(node, str(tmp_path / name))
        assert load(str(tmp_path / name)).GetClassName() == node.GetClassName()
    with pytest.raises(RuntimeError):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"))


def test_a_module_registers_its_sample_and_its_self_test_runs(probe):
    import slicer

    assert user.press_sample_button("ProbeCT").GetName() == "ProbeCT"
    slicer.selfTests["HostProbe"]()
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 2


def test_a_dicom_file_is_found_by_its_instance(host, tmp_path):
    import pydicom
    import slicer
    from pydicom.dataset import FileMetaDataset

    dataset = pydicom.Dataset()
    dataset.SOPInstanceUID, dataset.SOPClassUID = "1.2.3", "1.2.840.10008.5.1.4.1.1.12.1"
    dataset.ImagerPixelSpacing = [0.4, 0.5]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    uid = slicer.dicomDatabase.insert(tmp_path / "a.dcm")
    assert slicer.dicomDatabase.fileForInstance(uid) == str(tmp_path / "a.dcm")
    assert slicer.dicomDatabase.instanceValue(uid, "0018,1164") == "0.4\\0.5"
    assert slicer.dicomDatabase.fileForInstance("9") == ""
