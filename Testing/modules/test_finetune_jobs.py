"""Jobs are watched by their folders alone: after a restart, a reload or a closed scene they are found as they stand."""

import io
import json

import pytest
from finetune_steps import MODULE, SHORTLY_S, STARTED_S, made_job, settle, watched
from PIL import Image
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs

from xvrcore.errors import InputError
from xvrcore.files import write_whole
from xvrcore.jobs import Worker
from xvrcore.training.files import SAMPLES

CURVE = [dict(phase="training", iteration=i, total=100, fraction=i / 100, mtre_mm=90.0 - i / 2, eta_s=600 - 6 * i,
              samples_per_s=400.0, memory_mb=900.0) for i in range(0, 60, 2)]
VALIDATIONS = [dict(phase="validation", iteration=i, median_mm=40.0 - i, p90_mm=60.0 - i) for i in (0, 20, 30)]
LONGEST_GAP_MS = 150
WIDTH = 420
"""Of a picture in the panel."""
RECORDS = [*CURVE[:15], *VALIDATIONS, *CURVE[15:]]


@pytest.fixture
def running(jobs_root):
    """A job whose worker is this process."""
    folder = made_job(jobs_root / "runs", RECORDS)
    with Worker(folder) as worker:
        worker.say(**{**CURVE[-1], "iteration": 60})
        yield worker
        worker.perform(lambda worker: {})


def test_a_running_job_is_taken_up_when_slicer_starts(running, trainer):
    user.wait_until(lambda: trainer.watch.progress is not None and trainer.watch.progress.training, SHORTLY_S, "found")
    settle(trainer)
    ui = trainer.ui
    assert "runs: running" in ui.stateLabel.text
    assert "left" in ui.etaLabel.text
    assert trainer.progressSection.plot.plotView().seriesNames() == ["training X-rays", "unseen X-rays"]
    assert trainer.parameters.training.GetNumberOfRows() == len(CURVE) + 1
    assert trainer.parameters.validation.GetNumberOfRows() == len(VALIDATIONS)
    assert ui.stopButton.enabled
    assert not ui.resumeButton.enabled
    assert ui.resumeButton.toolTip == "It runs."
    assert ui.useButton.toolTip == "It has no network yet."


def test_new_records_are_shown_as_they_come(running, trainer):
    user.wait_until(lambda: trainer.watch.progress is not None and trainer.watch.progress.training, SHORTLY_S, "found")
    running.say("training", iteration=80, total=100, fraction=0.8, mtre_mm=12.5)
    user.wait_until(lambda: trainer.ui.progressBar.value == 800, SHORTLY_S, "shown")
    assert trainer.parameters.training.GetTable().GetColumnByName("error_mm").GetValue(len(CURVE) + 1) == 12.5


def test_pictures_are_shown_anew_when_they_change(running, trainer):
    for width in (100, 200):
        buffer = io.BytesIO()
        Image.new("RGB", (width, 100)).save(buffer, "PNG")
        write_whole(running.folder.path / SAMPLES, buffer.getvalue())
        user.wait_until(lambda width=width: round(WIDTH * 100 / width) == trainer.ui.samplesPicture.pixmap.height(),
                        SHORTLY_S, "shown")
    assert "after 30 iterations" in trainer.ui.samplesCaption.text
    assert not trainer.ui.taughtPicture.visible
    (running.folder.path / SAMPLES).unlink()
    user.wait_until(lambda: not trainer.ui.samplesPicture.visible, SHORTLY_S, "gone")


def test_a_job_of_ten_hours_is_watched_without_holding_up_the_window(trainer, jobs_root, monkeypatch):
    folder = made_job(jobs_root / "long", (), {})
    long = [{**CURVE[0], "iteration": i, "mtre_mm": 80 - i / 1000} for i in range(36_000)]
    (folder / "status.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in long))
    with user.EventLoopGaps() as gaps:
        watched(trainer, folder)
        user.wait_until(lambda: len(trainer.watch.progress.training) == len(long), SHORTLY_S, "read")
        settle(trainer)
    assert gaps.longest_ms < LONGEST_GAP_MS
    table = trainer.parameters.training.GetTable()
    assert table.GetNumberOfRows() <= 1000
    assert table.GetValueByName(table.GetNumberOfRows() - 1, "iteration").ToInt() == len(long) - 1


@pytest.mark.parametrize(("outcome", "error", "words", "resumable"), [
    ({"message": "median error 5.0 mm"}, None, "finished. median error 5.0 mm", False),
    (None, InputError("ct.nii.gz is damaged; copy it again."), "failed. ct.nii.gz is damaged; copy it again.", True),
    (None, None, "ended unexpectedly. The worker ended without a word", True)])
def test_an_ended_job_says_how_it_ended(trainer, jobs_root, outcome, error, words, resumable):
    folder = made_job(jobs_root / "old", RECORDS, outcome, error)
    (folder / "worker.log").write_text("first line\nthe last words\n")
    watched(trainer, folder)
    assert words in trainer.ui.stateLabel.text
    assert trainer.ui.logEdit.toPlainText().endswith("the last words")
    assert trainer.ui.resumeButton.enabled is resumable
    assert not trainer.ui.stopButton.enabled
    assert trainer.ui.stopButton.toolTip == "It does not run."


def test_another_jobs_curves_replace_the_first_ones(trainer, jobs_root):
    first, second = made_job(jobs_root / "first", RECORDS, {}), made_job(jobs_root / "second", CURVE[:1], {})
    watched(trainer, first)
    assert trainer.progressSection.plot.plotView().seriesNames() == ["training X-rays", "unseen X-rays"]
    watched(trainer, second)
    assert trainer.progressSection.plot.plotView().seriesNames() == []
    watched(trainer, first)
    assert trainer.parameters.training.GetNumberOfRows() == len(CURVE)


def test_a_job_that_lies_elsewhere_can_be_added(trainer, tmp_path):
    folder = made_job(tmp_path / "elsewhere" / "job", RECORDS, {})
    with dialogs.answer("folder of a job", str(folder)):
        user.click(trainer.ui.addButton)
    user.wait_until(lambda: "job: finished" in trainer.ui.stateLabel.text, SHORTLY_S, "watched")
    with dialogs.answer("folder of a job", str(tmp_path)):
        user.click(trainer.ui.addButton)
    settle(trainer)
    assert "is not a job folder" in trainer.ui.messageLabel.text


def test_a_stop_that_cannot_be_asked_for_says_why(running, trainer, jobs_root, monkeypatch):
    from XVRFinetuneLib import job_start

    def full(path, content):
        raise InputError(f"{path} cannot be written: the disk is full.")

    watched(trainer, jobs_root / "runs")
    monkeypatch.setattr(job_start, "write_whole", full)
    user.click(trainer.ui.stopButton)
    assert "the disk is full" in trainer.ui.messageLabel.text


def test_damaged_settings_count_as_none(host, jobs_root):
    import slicer

    from XVRCommonLib import job_list

    slicer.app.settings().setValue(job_list.JOBS_KEY, "[half of")
    assert job_list.jobFolders() == []
    job_list.remember(jobs_root / "job")
    assert "job" in slicer.app.settings().value(job_list.JOBS_KEY)


def test_a_damaged_job_says_so_and_hides_no_other(trainer, jobs_root):
    made_job(jobs_root / "fine", RECORDS, {})
    config = made_job(jobs_root / "damaged", RECORDS, {}) / "config.json"
    config.write_text("{half of")
    watched(trainer, config.parent)
    assert "config.json cannot be read" in trainer.ui.stateLabel.text
    assert trainer.ui.jobsTable.rowCount == 2
    config.write_text("{}")
    user.wait_until(lambda: "finished" in trainer.ui.stateLabel.text, SHORTLY_S, "mended")


def test_a_deleted_job_leaves_the_list(trainer, jobs_root):
    import shutil

    folder = made_job(jobs_root / "gone", RECORDS, {})
    watched(trainer, folder)
    shutil.rmtree(folder)
    user.wait_until(lambda: trainer.ui.jobsTable.rowCount == 0, SHORTLY_S, "gone")
    settle(trainer)
    assert not trainer.ui.resumeButton.enabled
    assert trainer.ui.openButton.toolTip == "Choose a job in the table."
    assert trainer.ui.stateLabel.text == f"There is no job in {folder}."


def test_networks_are_offered_newest_first(jobs_root):
    import os

    from XVRCommonLib import job_list

    for age, name in enumerate(("new", "older", "oldest")):
        network = made_job(jobs_root / name, (), {}) / "network.safetensors"
        network.write_bytes(b"weights")
        os.utime(network, (1e9 - age, 1e9 - age))
    made_job(jobs_root / "without", (), {})
    assert [path.parent.name for path in job_list.recentNetworks()] == ["new", "older", "oldest"]


def test_a_volume_deleted_while_it_is_drawn_or_written_is_missed_without_harm(primed, ct, small_jobs):
    """The worker's thread has its own copy; a job that is begun with it begins."""
    import slicer

    primed.session.state("right_mm", [-5.0, 5.0])
    user.click(primed.ui.startButton)
    slicer.mrmlScene.RemoveNode(ct)
    user.wait_until(lambda: "running" in primed.ui.stateLabel.text, STARTED_S, "the job runs")
    settle(primed)
    assert primed.session.picture is None
    assert primed.ui.startStatus.text == "Choose a CT or MR volume."
    assert not primed.ui.messageLabel.text


@pytest.mark.parametrize("state", ["empty", "watching", "running", "checking"])
def test_closing_and_reloading_leave_nothing(trainer, jobs_root, state, host, request):
    import slicer

    if state == "watching":
        watched(trainer, made_job(jobs_root / "old", RECORDS, {}))
    if state == "running":
        request.getfixturevalue("running")
        watched(trainer, jobs_root / "runs")
    if state == "checking":
        user.click(trainer.ui.advancedSection)
        user.click(trainer.ui.checkButton)
    slicer.mrmlScene.Clear()
    host.processEvents()
    assert trainer.parameters.chart is None
    slicer.util.reloadScriptedModule("XVRFinetune")
    again = slicer.modules.XVRFinetuneWidget
    assert again is not trainer
    if state == "running":
        user.wait_until(lambda: "runs: running" in again.ui.stateLabel.text, SHORTLY_S, "taken up again")
    settle(again)


def test_a_scene_remembers_its_choices_and_its_job(trainer, ct, jobs_root, tmp_path, host):
    import slicer
    from finetune_steps import type_detector

    user.select_node(trainer.ui.ctSelector, ct)
    type_detector(trainer)
    user.choose(trainer.ui.anatomyCombo, "Pelvis")
    user.type_text(trainer.ui.rollHigh, "33")
    watched(trainer, made_job(jobs_root / "old", RECORDS, {}))
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    settle(trainer)
    assert trainer.session.example is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    user.wait_until(lambda: "old: finished" in trainer.ui.stateLabel.text, SHORTLY_S, "watched again")
    settle(trainer)
    assert trainer.ui.ctSelector.currentNode() is trainer.parameters.ct
    assert trainer.ui.sddBox.value == 1000
    assert trainer.ui.anatomyCombo.currentText == "Pelvis"
    assert trainer.session.poseRange.roll_deg[1] == trainer.ui.rollHigh.value == 33
    assert trainer.parameters.training.GetNumberOfRows() == len(CURVE)
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1
    assert slicer.util.getModule("XVRFinetune").path == str(MODULE)
