"""What is chosen becomes a job that trains exactly that; what is missing or wrong is said in the panel."""

import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from finetune_steps import SHORTLY_S, STARTED_S, choose_inputs, settle, type_detector
from fixed_network import network_that_says
from panel_steps import silent
from registration_scene import CENTER, add_volume, patient
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs
from unusable_volumes import UNUSABLE, unusable_volume

from xvrcore.checkpoint import write_checkpoint
from xvrcore.networks.ranges import preset
from xvrcore.segments import read_segmentation
from xvrcore.template import read_template_transform
from xvrcore.volume_io import read_volume


def test_every_step_says_what_is_missing(trainer, ct):
    ui = trainer.ui
    settle(trainer)
    assert ui.startButton.toolTip == ui.startStatus.text == "Choose a CT or MR volume."
    assert silent(trainer) == []
    user.select_node(ui.ctSelector, ct)
    settle(trainer)
    assert "Choose an example X-ray, or type" in ui.startStatus.text
    assert ui.rangeWords.text == "The detector's geometry comes first."
    assert ui.sddBox.styleSheet
    type_detector(trainer)
    assert ui.startButton.enabled
    assert silent(trainer) == []
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


@pytest.mark.parametrize(("make", "words"), UNUSABLE)
def test_an_unusable_volume_is_named(primed, make, words):
    wrong = unusable_volume(make)
    primed.parameters.ct = wrong
    settle(primed)
    assert words in primed.ui.startStatus.text
    assert wrong.GetName() in primed.ui.inputsStatus.text
    assert not primed.ui.startButton.enabled


def test_the_range_follows_anatomy_and_what_is_typed(primed):
    ui = primed.ui
    user.choose(ui.anatomyCombo, "Pelvis")
    settle(primed)
    assert primed.session.poseRange == preset("pelvis", "PA", 700.0)
    before = primed.session.picture
    user.type_text(ui.primaryHigh, "60")
    user.wait_until(lambda: primed.session.picture is not None and primed.session.picture != before, SHORTLY_S, "drawn")
    settle(primed)
    assert primed.session.poseRange.primary_deg == (-45, 60)
    assert "60° LAO" in ui.rangeWords.text
    assert not ui.viewsPicture.pixmap.isNull()
    user.type_text(ui.rollLow, "90")
    settle(primed)
    assert "roll_deg" in ui.rangeWords.text
    assert "roll_deg" in ui.startButton.toolTip
    user.click(ui.presetButton)
    settle(primed)
    assert primed.session.poseRange == preset("pelvis", "PA", 700.0)


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


def test_only_visible_segments_are_trained_on(primed, ct, labels, tmp_path):
    from XVRFinetuneLib.volume_files import writeSubject

    before = primed.session.picture
    user.select_node(primed.ui.segmentationSelector, labels)
    user.wait_until(lambda: primed.session.picture is not None and primed.session.picture != before, SHORTLY_S, "drawn")
    settle(primed)
    assert "trained on: spine." in primed.ui.inputsStatus.text
    _volume, path = writeSubject(primed.session.subject, tmp_path / "job", None)
    written = read_segmentation(path)
    assert [segment.name for segment in written.segments] == ["Segment 1"]
    assert written.labels.values.sum() == 10 * 20 * 20
    labels.GetDisplayNode().SetSegmentVisibility("spine", False)
    primed.enter()
    settle(primed)
    assert "No segment of bones is visible" in primed.ui.startStatus.text


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


def test_the_command_line_understands_every_word_of_the_panel(primed, jobs_root, tmp_path, monkeypatch):
    """What the job's configuration says is what the panel showed."""
    from XVRFinetuneLib.command_line import finetuneWords

    from xvrcore.cli import main

    monkeypatch.setattr("xvrcore.jobs.control.subprocess.Popen", _no_process)
    p = primed.parameters
    p.iterations, p.seed, p.threads = 77, 5, 1
    read_ct = tmp_path / "ct.nrrd"
    import slicer
    slicer.util.saveNode(p.ct, str(read_ct))
    primed.session.state("right_mm", [-1e-5, 20.5])
    settle(primed)
    words = finetuneWords(primed.session.order(), tmp_path / "job", read_ct, None)
    with pytest.raises(_NoProcess):
        main(words)
    config = json.loads((tmp_path / "job" / "config.json").read_text())
    assert config["intrinsics"] == json.loads(json.dumps(asdict(primed.session.example.intrinsics)))
    assert np.allclose(list(config["range"].values()), list(primed.session.poseRange.as_dict().values()))
    assert config["range"]["right_mm"][1] == 20.5
    assert (config["settings"]["iterations"], config["settings"]["seed"], config["threads"]) == (77, 5, 1)
    assert config["volume_options"]["modality"] == "ct"


class _NoProcess(Exception):
    """Raised in the place of launching a worker."""


def _no_process(*_words, **_options):
    raise _NoProcess


def test_the_panels_choices_are_the_cores(host, trainer):
    from XVRFinetuneLib.command_line import RANGES
    from XVRFinetuneLib.parameters import Anatomy, Parameters, Profile, View

    from xvrcore.networks.ranges import ANATOMIES, VIEWS, PoseRange
    from xvrcore.training.settings import PROFILES, TrainingSettings

    assert tuple(one.name for one in fields(PoseRange)) == RANGES
    assert {one.name for one in Anatomy} == set(ANATOMIES)
    assert {one.coreName for one in View} == {None, *VIEWS}
    assert {one.name for one in Profile} == {"auto", *PROFILES}
    assert trainer.parameters.minutes == TrainingSettings().minutes
    assert trainer.parameters.seed == TrainingSettings().seed
    assert Parameters is type(trainer.parameters)


def test_a_job_that_fails_says_why_and_what_to_do(primed, small_jobs):
    """The range misses the volume: known only once it is rendered."""
    for box in ("rightHigh", "rightLow"):
        user.type_text(getattr(primed.ui, box), "2000")
        settle(primed)
    user.click(primed.ui.startButton)
    user.wait_until(lambda: "failed" in primed.ui.stateLabel.text, STARTED_S, "failed")
    settle(primed)
    assert "narrow the shifts or angles" in primed.ui.stateLabel.text
    assert "narrow the shifts or angles" in primed.ui.logEdit.toPlainText()
    assert primed.ui.resumeButton.enabled


def test_a_network_of_another_patient_is_refused_until_a_transform_says_how_the_two_lie(
        primed, xray, small_jobs, jobs_root, tmp_path):
    import slicer

    volume = patient()
    elsewhere = replace(volume, ras_from_ijk=volume.ras_from_ijk + 40 * np.eye(4, k=3))
    write_checkpoint(tmp_path / "other.safetensors",
                     network_that_says(xray[1].ras_from_camera, elsewhere, xray[1].intrinsics))
    with dialogs.answer("Choose a network", str(tmp_path / "other.safetensors")):
        user.click(primed.ui.networkFileButton)
    settle(primed)
    user.click(primed.ui.startButton)
    user.wait_until(lambda: "trained on another volume" in primed.ui.messageLabel.text, STARTED_S, "said")
    settle(primed)
    assert "choose one trained on this volume" in primed.ui.messageLabel.text
    assert "state the template transform" in primed.ui.messageLabel.text
    assert not primed.watch.jobs
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "to template")
    slicer.util.updateTransformMatrixFromArray(node, np.diag([1.5, 1, 1, 1]))
    user.click(primed.ui.advancedSection)
    user.select_node(primed.ui.templateSelector, node)
    settle(primed)
    assert "by the transform to template" in primed.ui.startStatus.text
    user.click(primed.ui.startButton)
    settle(primed)
    assert "The transform to template is not rigid" in primed.ui.messageLabel.text
    slicer.util.updateTransformMatrixFromArray(node, np.eye(4) + 40 * np.eye(4, k=3))
    user.click(primed.ui.startButton)
    user.wait_until(lambda: "running" in primed.ui.stateLabel.text, STARTED_S, "it runs")
    settle(primed)
    assert not primed.ui.messageLabel.text
    stated = read_template_transform(primed.watch.folder / "template.tfm")
    np.testing.assert_allclose(stated, slicer.util.arrayFromTransformMatrix(node), atol=1e-9)


def test_a_name_that_is_taken_is_refused(primed, jobs_root):
    from finetune_steps import made_job

    made_job(jobs_root / "net", (), {})
    user.type_text(primed.ui.nameEdit, "net")
    settle(primed)
    assert "There is a job net already" in primed.ui.startButton.toolTip
    for name in ("a/b", "..", "what?"):
        user.type_text(primed.ui.nameEdit, name)
        settle(primed)
        assert f"cannot be named {name}" in primed.ui.startButton.toolTip
    user.type_text(primed.ui.nameEdit, "net2")
    settle(primed)
    assert primed.ui.startButton.enabled
    assert str(jobs_root / "net2") in primed.ui.folderLabel.text
