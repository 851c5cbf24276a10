"""What is chosen becomes a job that trains exactly that; what is missing or wrong is said in the panel."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from finetune_steps import SHORTLY_S, STARTED_S, choose_inputs, settle, type_detector
from PIL import Image
from registration_scene import CENTER, add_volume, patient
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs
from test_registration_inputs import unusable_volume

from xvrcore.networks.ranges import preset
from xvrcore.segments import read_segmentation
from xvrcore.volume_io import read_volume


@pytest.fixture
def ready(trainer, ct):
    """The panel with a CT and a typed detector."""
    user.select_node(trainer.ui.ctSelector, ct)
    type_detector(trainer)
    return trainer


@pytest.fixture
def picture(tmp_path, xray):
    """The X-ray as a PNG, which knows no geometry."""
    import pydicom

    pixels = pydicom.dcmread(xray[0]).pixel_array
    path = tmp_path / "shot.png"
    Image.fromarray((255.0 * pixels / pixels.max()).astype(np.uint8)).save(path)
    return path


def test_every_step_says_what_is_missing(trainer, ct):
    ui = trainer.ui
    settle(trainer)
    assert ui.startButton.toolTip == ui.startStatus.text == "Choose a CT or MR volume."
    user.select_node(ui.ctSelector, ct)
    settle(trainer)
    assert "Choose an example X-ray, or type" in ui.startStatus.text
    assert ui.rangeWords.text == "The detector's geometry comes first."
    assert ui.sddBox.styleSheet
    type_detector(trainer)
    assert ui.startButton.enabled
    assert not ui.sddBox.styleSheet
    assert "387 x 317 mm" in ui.inputsStatus.text
    assert ui.headerValuesButton.toolTip == "Nothing was typed over an X-ray's values."


def test_an_xrays_header_gives_detector_and_middle_of_the_range(trainer, ct, xray):
    choose_inputs(trainer, ct, xray[0])
    ui, truth = trainer.ui, xray[1]
    assert (ui.sddBox.value, ui.rowsBox.value, ui.colsBox.value) == (1000, 144, 176)
    assert (ui.rowSpacingBox.value, ui.columnSpacingBox.value) == truth.intrinsics.spacing_mm
    assert not ui.rowsBox.enabled
    assert np.mean(trainer.session.poseRange.primary_deg) == 17
    user.choose(ui.viewCombo, "Left lateral")
    settle(trainer)
    assert np.mean(trainer.session.poseRange.primary_deg) == 90
    user.type_text(ui.sddBox, "1200")
    settle(trainer)
    assert trainer.session.example.intrinsics.sdd_mm == 1200
    user.click(ui.headerValuesButton)
    settle(trainer)
    assert ui.sddBox.value == 1000


def test_a_picture_without_geometry_asks_for_it(trainer, ct, picture):
    user.select_node(trainer.ui.ctSelector, ct)
    assert user.drop_files(trainer.inputsSection.dropArea, picture)
    user.wait_until(lambda: trainer.session.reading is not None, SHORTLY_S, "read")
    settle(trainer)
    assert "type the highlighted values" in trainer.ui.inputsStatus.text
    assert not trainer.ui.startButton.enabled
    user.type_text(trainer.ui.sddBox, "1000")
    settle(trainer)
    user.type_text(trainer.ui.rowSpacingBox, "2")
    user.wait_until(lambda: trainer.session.example is not None, SHORTLY_S, "complete")
    settle(trainer)
    assert trainer.session.example.intrinsics.spacing_mm == (2, 2)
    assert trainer.ui.startButton.enabled


def test_a_file_that_is_no_xray_is_named(trainer, ct, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    user.select_node(trainer.ui.ctSelector, ct)
    assert user.drop_files(trainer.inputsSection.dropArea, path)
    user.wait_until(lambda: "notes.txt" in trainer.ui.inputsStatus.text, SHORTLY_S, "named")
    assert "notes.txt" in trainer.ui.startButton.toolTip


@pytest.mark.parametrize(("make", "words"), [
    ("vector", "values in each voxel"), ("constant", "constant"), ("singular", "singular"), ("empty", "empty"),
    ("warped", "not linear")])
def test_an_unusable_volume_is_named(ready, make, words):
    wrong = unusable_volume(make)
    ready.parameters.ct = wrong
    settle(ready)
    assert words in ready.ui.startStatus.text
    assert wrong.GetName() in ready.ui.inputsStatus.text
    assert not ready.ui.startButton.enabled


def test_the_range_follows_anatomy_and_what_is_typed(ready):
    ui = ready.ui
    user.choose(ui.anatomyCombo, "Pelvis")
    settle(ready)
    assert ready.session.poseRange == preset("pelvis", "PA", 700.0)
    before = ready.session.picture
    user.type_text(ui.primaryHigh, "60")
    user.wait_until(lambda: ready.session.picture is not None and ready.session.picture != before, SHORTLY_S, "drawn")
    settle(ready)
    assert ready.session.poseRange.primary_deg == (-45, 60)
    assert "60° LAO" in ui.rangeWords.text
    assert not ui.viewsPicture.pixmap.isNull()
    user.type_text(ui.rollLow, "90")
    settle(ready)
    assert "roll_deg" in ui.rangeWords.text
    assert "roll_deg" in ui.startButton.toolTip
    user.click(ui.presetButton)
    settle(ready)
    assert ready.session.poseRange == preset("pelvis", "PA", 700.0)


@pytest.fixture
def labels(ct):
    """A segmentation of two boxes, the second of which is hidden."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "bones")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    for number, name in enumerate(("spine", "rib")):
        values = np.zeros(slicer.util.arrayFromVolume(ct).shape, np.uint8)
        values[10 + 20 * number:20 + 20 * number, 10:30, 20:40] = 1
        node.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(values, node, name, ct)
    node.GetDisplayNode().SetSegmentVisibility("rib", False)
    return node


def test_only_visible_segments_are_trained_on(ready, ct, labels, tmp_path):
    from XVRFinetuneLib.volume_files import writeSubject

    before = ready.session.picture
    user.select_node(ready.ui.segmentationSelector, labels)
    user.wait_until(lambda: ready.session.picture is not None and ready.session.picture != before, SHORTLY_S, "drawn")
    settle(ready)
    assert "trained on: spine." in ready.ui.inputsStatus.text
    _volume, path = writeSubject(ready.session.subject, tmp_path / "job", None)
    written = read_segmentation(path)
    assert [segment.name for segment in written.segments] == ["Segment 1"]
    assert written.labels.values.sum() == 10 * 20 * 20
    labels.GetDisplayNode().SetSegmentVisibility("spine", False)
    ready.enter()
    settle(ready)
    assert "No segment of bones is visible" in ready.ui.startStatus.text


def test_a_volume_is_written_only_where_no_file_shows_it_as_it_stands(host, tmp_path):
    """Loaded: its own file. Edited, or moved by a transform: a new one, which stands where the scene shows it."""
    import slicer
    from XVRFinetuneLib.subject import Subject
    from XVRFinetuneLib.volume_files import fileOf, writeSubject

    from XVRCommonLib.volumes import coreVolume

    made = add_volume(patient())
    assert fileOf(made) is None
    assert slicer.util.saveNode(made, str(tmp_path / "ct.nrrd"))
    node = slicer.util.loadVolume(str(tmp_path / "ct.nrrd"))
    assert fileOf(node) == tmp_path / "ct.nrrd"
    np.testing.assert_allclose(read_volume(fileOf(node)).ras_from_ijk, coreVolume(node).ras_from_ijk, atol=1e-6)
    slicer.util.arrayFromVolume(node)[5, 6, 7] = 1234
    slicer.util.arrayFromVolumeModified(node)
    assert fileOf(node) is None
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "table")
    turned = np.array([[0, -1, 0, 30.0], [1, 0, 0, -20], [0, 0, 1, 10], [0, 0, 0, 1]])
    slicer.util.updateTransformMatrixFromArray(table, turned)
    node.SetAndObserveTransformNodeID(table.GetID())
    path, _segments = writeSubject(Subject(coreVolume(node)), tmp_path / "job", fileOf(node))
    written = read_volume(path)
    assert written.values[5, 6, 7] == 1234
    np.testing.assert_allclose(written.center_ras, (turned @ [*CENTER, 1])[:3], atol=1e-4)


def test_the_command_line_understands_every_word_of_the_panel(ready, jobs_root, tmp_path, monkeypatch):
    """What the job's configuration says is what the panel showed."""
    from XVRFinetuneLib.command_line import finetuneWords

    from xvrcore.cli import main

    monkeypatch.setattr("xvrcore.jobs.control.subprocess.Popen", _no_process)
    p = ready.parameters
    p.iterations, p.seed, p.threads = 77, 5, 3
    read_ct = tmp_path / "ct.nrrd"
    import slicer
    slicer.util.saveNode(p.ct, str(read_ct))
    ready.session.state("right_mm", [-1e-5, 20.5])
    settle(ready)
    words = finetuneWords(ready.session.order(), tmp_path / "job", read_ct, None)
    with pytest.raises(_NoProcess):
        main(words)
    config = json.loads((tmp_path / "job" / "config.json").read_text())
    assert config["intrinsics"] == json.loads(json.dumps(asdict(ready.session.example.intrinsics)))
    assert np.allclose(list(config["range"].values()), list(ready.session.poseRange.as_dict().values()))
    assert config["range"]["right_mm"][1] == 20.5
    assert (config["settings"]["iterations"], config["settings"]["seed"], config["threads"]) == (77, 5, 3)
    assert config["volume_options"]["modality"] == "ct"


class _NoProcess(Exception):
    """Raised in the place of launching a worker."""


def _no_process(*_words, **_options):
    raise _NoProcess


def test_the_panels_choices_are_the_cores(host, trainer):
    from XVRFinetuneLib.parameters import Anatomy, Parameters, View
    from XVRFinetuneLib.training_section import PROFILES as SHOWN

    from xvrcore.networks.ranges import ANATOMIES, VIEWS
    from xvrcore.training.settings import PROFILES, TrainingSettings

    assert {one.name for one in Anatomy} == set(ANATOMIES)
    assert {one.coreName for one in View} == {None, *VIEWS}
    assert set(SHOWN) == {"auto", *PROFILES}
    assert trainer.parameters.minutes == TrainingSettings().minutes
    assert trainer.parameters.seed == TrainingSettings().seed
    assert Parameters is type(trainer.parameters)


def test_a_python_that_cannot_train_is_named(ready, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named numba' >&2\nexit 1\n")
    broken.chmod(0o755)
    user.click(ready.ui.advancedSection)
    user.type_text(ready.ui.pythonPath, str(broken))
    user.click(ready.ui.checkButton)
    user.wait_until(lambda: "No module named numba" in ready.ui.checkLabel.text, SHORTLY_S, "said")
    user.click(ready.ui.startButton)
    user.wait_until(lambda: "No module named numba" in ready.ui.messageLabel.text, SHORTLY_S, "said")
    settle(ready)
    assert ready.ui.startButton.enabled
    user.type_text(ready.ui.pythonPath, str(tmp_path / "missing"))
    user.click(ready.ui.startButton)
    user.wait_until(lambda: "choose another in Advanced" in ready.ui.messageLabel.text, SHORTLY_S, "said")


def test_a_job_that_fails_says_why_and_what_to_do(ready, small_jobs):
    """The range misses the volume: known only once it is rendered."""
    for box in ("rightHigh", "rightLow"):
        user.type_text(getattr(ready.ui, box), "2000")
        settle(ready)
    user.click(ready.ui.startButton)
    user.wait_until(lambda: "failed" in ready.ui.stateLabel.text, STARTED_S, "failed")
    settle(ready)
    assert "narrow the shifts or angles" in ready.ui.stateLabel.text
    assert "narrow the shifts or angles" in ready.ui.logEdit.toPlainText()
    assert ready.ui.resumeButton.enabled


def test_a_name_that_is_taken_is_refused(ready, jobs_root):
    from finetune_steps import made_job

    made_job(jobs_root / "net", (), {})
    user.type_text(ready.ui.nameEdit, "net")
    settle(ready)
    assert "There is a job net already" in ready.ui.startButton.toolTip
    user.type_text(ready.ui.nameEdit, "net2")
    settle(ready)
    assert ready.ui.startButton.enabled
    assert str(jobs_root / "net2") in ready.ui.folderLabel.text


def test_missing_packages_are_named_asked_for_and_torch_comes_from_its_extension(host, jobs_root, open_module):
    import qt
    import slicer
    from finetune_steps import MODULE
    from slicerhost import packaging

    packaging.missing.update({"torch", "psutil"})
    panel = open_module(MODULE)
    assert "psutil" in panel.ui.installLabel.text
    assert "torch" in panel.ui.installLabel.text
    user.wait_until(lambda: not panel.ui.inputsSection.enabled, SHORTLY_S, "shown")
    assert "Install the packages" in panel.ui.inputsSection.toolTip
    user.click(panel.ui.installButton)
    assert "PyTorch extension is missing" in panel.ui.installLabel.text
    packaging.add_pytorch_extension()
    with dialogs.answer("Install now", qt.QMessageBox.Ok), dialogs.answer("PyTorch will be", qt.QMessageBox.Ok):
        user.click(panel.ui.installButton)
    user.wait_until(lambda: "Ready" in panel.ui.messageLabel.text, SHORTLY_S, "checked")
    user.wait_until(lambda: "renderers that work: joseph (cpu)" in panel.ui.checkLabel.text, STARTED_S, "checked too")
    assert "this CPU" in panel.ui.budgetLabel.text
    asked = {name for request in slicer.packaging.requests for name in request.requirements}
    assert asked == {"torch>=2.2", "psutil>=5.9"}
    assert not panel.ui.installSection.visible


def test_what_the_panel_installs_is_what_the_core_needs():
    from pathlib import Path

    import tomllib

    from XVRCommonLib.packages import NETWORKS, UNTOUCHED

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    own = {one for one in project["dependencies"] if not one.startswith(tuple(set(UNTOUCHED) - {"torch"}))}
    assert set(NETWORKS) == own
