"""What the module hands on: files, tables, nodes in their folder; samples; and installing what is missing."""

import json

import numpy as np
import pytest
from dicom_slices import series_of, write_slices
from panel_steps import choose_inputs, open_section, register, settle, wait_for_drr
from registration_scene import MODULE, add_volume, patient
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs

from xvrcore.volume_io import read_volume


def export(panel, folder):
    open_section(panel.ui.outputsSection)
    panel.ui.exportFolder.directory = str(folder)
    user.click(panel.ui.exportButton)
    user.wait_until(lambda: panel.session.worker.idle, 60, "written")
    settle(panel)
    assert str(folder) in panel.ui.outputsStatus.text, panel.ui.outputsStatus.text
    return json.loads((folder / "pose.json").read_text())


def test_the_pose_file_says_what_the_scene_shows(panel, ct, xray, tmp_path):
    choose_inputs(panel, ct, xray[0])
    register(panel)
    written = export(panel, tmp_path)
    assert written["verdict"] == panel.session.registering.result.verdict.label
    assert np.allclose(written["ras_from_camera"], panel.session.xray.rasFromCamera())
    assert written["inputs"]["xray"]["path"] == str(xray[0])
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "edges.png").is_file()


def test_a_pose_placed_by_hand_is_exported_as_such(panel, ct, xray, tmp_path):
    choose_inputs(panel, ct, xray[0])
    open_section(panel.ui.handSection)
    user.drag_slider(panel.ui.rollSlider, 20)
    settle(panel)
    written = export(panel, tmp_path)
    assert np.allclose(written["ras_from_camera"], panel.session.xray.rasFromCamera())
    assert written["verdict"] == "doubtful"
    assert "by hand" in written["reasons"][0]


@pytest.mark.parametrize("kind", ["file", "DICOM"])
def test_the_volume_is_named_with_its_hash_while_it_is_what_its_file_holds(panel, xray, tmp_path, kind):
    """As the command line names it."""
    import slicer

    path = tmp_path / "ct"
    node = loaded_from_series(path) if kind == "DICOM" else loaded_from_file(path.with_suffix(".nrrd"))
    path = path if kind == "DICOM" else path.with_suffix(".nrrd")
    choose_inputs(panel, node, xray[0])
    written = export(panel, tmp_path / "one")["inputs"]["volume"]
    assert written == {"path": str(path), "sha256": read_volume(path).sha256}
    slicer.util.arrayFromVolume(node)[5:20, 20:30, 30:40] = 0
    slicer.util.arrayFromVolumeModified(node)
    settle(panel)
    assert export(panel, tmp_path / "two")["inputs"]["volume"]["sha256"] == ""


def loaded_from_file(path):
    import slicer

    slicer.util.saveNode(add_volume(patient()), str(path))
    return slicer.util.loadVolume(str(path))


def loaded_from_series(folder):
    """As Slicer's DICOM module does it: without a storage node, known by its instances."""
    import slicer

    volume = patient()
    write_slices(folder, series_of(volume.values, volume.ras_from_ijk))
    node = add_volume(volume)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(map(slicer.dicomDatabase.insert, folder.iterdir())))
    return node


def test_a_table_of_metrics(panel, ct, xray):
    choose_inputs(panel, ct, xray[0])
    register(panel)
    open_section(panel.ui.outputsSection)
    user.click(panel.ui.metricsButton)
    table = panel.parameters.metrics.GetTable()
    names = [table.GetValue(row, 0).ToString() for row in range(table.GetNumberOfRows())]
    assert names[:3] == ["verdict", "confidence", "similarity"]


def test_all_nodes_lie_in_one_folder(panel, ct, xray):
    import slicer

    choose_inputs(panel, ct, xray[0])
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.GetItemChildWithName(hierarchy.GetSceneItemID(), "XVR")
    for node in (panel.parameters.pose, *panel.session.xray.cameraNodes()):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(ct)) != folder


def test_the_samples_register(panel, host):
    import slicer
    from XVRRegistrationLib.sample_data import PHANTOM
    from XVRRegistrationLib.sample_data import register as register_samples

    register_samples()
    ct = user.press_sample_button(PHANTOM)
    assert panel.parameters.ct is ct
    wait_for_drr(panel)
    assert register(panel).verdict.label == "registered"
    (outline,) = panel.session.overlay.outlineModels().values()
    assert outline.GetPolyData().GetNumberOfPoints() > 50
    assert slicer.util.getNode("Patient surface").GetPolyData().GetNumberOfPoints() > 500


def test_a_sample_waits_for_the_packages(open_module, host):
    import slicer
    import slicer.packaging
    from XVRRegistrationLib.sample_data import PHANTOM

    slicer.packaging.missing.add("numba")
    panel = open_module(MODULE)
    assert user.press_sample_button(PHANTOM) is None
    host.processEvents()
    assert panel.ui.installSection.visible
    assert "Install the packages first" in panel.ui.messageLabel.text
    assert slicer.util.getNodes("XVR phantom*") == {}


def test_missing_packages_are_installed_only_when_asked(open_module, host):
    import qt
    import slicer.packaging

    slicer.packaging.missing.add("numba")
    panel = open_module(MODULE)
    assert panel.ui.installSection.visible
    assert "numba" in panel.ui.installLabel.text
    with dialogs.answer("numba", qt.QMessageBox.Cancel):
        user.click(panel.ui.installButton)
    assert "declined" in panel.ui.installLabel.text
    assert slicer.packaging.requests == []
    with dialogs.answer("numba", qt.QMessageBox.Ok):
        user.click(panel.ui.installButton)
    user.wait_until(lambda: panel.worker.idle, 30, "checked")
    assert "numba" in panel.ui.messageLabel.text
    assert not panel.ui.installSection.visible
    (request,) = slicer.packaging.requests
    assert request.requirements == ("numba>=0.59",)
    assert {"numpy", "SimpleITK", "vtk", "torch"} <= set(request.options["skip_packages"])


def test_the_modules_own_test_passes(panel, host):
    import slicer

    slicer.selfTests["XVRRegistration"]()
