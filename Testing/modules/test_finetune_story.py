"""The whole story by mouse: choose, start, watch, stop, resume, use the network."""

import panel_steps
import pytest
from finetune_steps import SHORTLY_S, STARTED_S, TRAINED_S, choose_inputs, settle, type_detector
from registration_scene import MODULE as REGISTRATION
from slicerhost import testing as user

LONGEST_GAP_MS = 150


@pytest.fixture
def started(trainer, ct, xray, small_jobs):
    """The panel with a job of some hundred iterations that is training."""
    choose_inputs(trainer, ct, xray[0])
    user.click(trainer.ui.advancedSection)
    user.type_text(trainer.ui.iterationsBox, "400")
    user.type_text(trainer.ui.nameEdit, "net")
    settle(trainer)
    user.click(trainer.ui.startButton)
    user.wait_until(lambda: iteration(trainer) > 20, STARTED_S, "it trains")
    return trainer


def iteration(panel):
    training = panel.watch.progress.training if panel.watch.progress is not None else []
    return training[-1][0] if training else 0


def state(panel):
    return panel.watch.progress.state


def test_a_job_that_is_being_started_begins_even_if_the_module_goes(trainer, ct, small_jobs, jobs_root, host):
    import slicer

    user.select_node(trainer.ui.ctSelector, ct)
    type_detector(trainer)
    user.type_text(trainer.ui.nameEdit, "net")
    settle(trainer)
    user.click(trainer.ui.startButton)
    user.wait_until(lambda: "Starting" in trainer.ui.startStatus.text, SHORTLY_S, "it begins")
    slicer.util.reloadScriptedModule("XVRFinetune")
    again = slicer.modules.XVRFinetuneWidget
    user.wait_until(lambda: "net: running" in again.ui.stateLabel.text, STARTED_S, "it runs")
    user.click(again.ui.stopButton)
    user.wait_until(lambda: again.watch.progress.state.phase == "stopped", STARTED_S, "stopped")
    settle(again)


def gaps_while_it_trains(panel):
    """All gaps of the event loop while a hundred iterations are trained, and two or three times judged and shown.

    None is passed over; only time in which other programs have the window's processor is left out of each.
    """
    began = iteration(panel)
    with user.EventLoopGaps() as gaps:
        user.wait_until(lambda: iteration(panel) > began + 100, TRAINED_S, "it goes on")
    return gaps


def test_a_network_is_trained_watched_stopped_resumed_and_used(started, ct, xray, jobs_root, host):
    import slicer

    panel, ui = started, started.ui
    gaps = gaps_while_it_trains(panel)
    assert "running" in ui.stateLabel.text
    assert "left" in ui.etaLabel.text
    assert 0 < ui.progressBar.value < 1000
    user.wait_until(lambda: "Unseen X-rays after" in ui.samplesCaption.text, TRAINED_S, "unseen X-rays are shown")
    assert not ui.samplesPicture.pixmap.isNull()
    assert not ui.taughtPicture.pixmap.isNull()
    assert "training X-rays" in panel.progressSection.plot.plotView().seriesNames()
    assert ui.nameEdit.text == ""  # the next job gets another name
    assert gaps.longest_ms < LONGEST_GAP_MS

    user.click(ui.stopButton)
    user.wait_until(lambda: state(panel).phase == "stopped", STARTED_S, "stopped")
    settle(panel)
    assert "stopped" in ui.stateLabel.text
    reached = iteration(panel)
    user.click(ui.resumeButton)
    user.wait_until(lambda: iteration(panel) > reached, STARTED_S, "it goes on")
    user.wait_until(lambda: state(panel).phase == "finished", TRAINED_S, "finished")
    settle(panel)
    assert ui.progressBar.value == 1000
    assert ui.jobsTable.item(0, 2).text().endswith(" mm")
    assert not ui.stopButton.enabled
    assert "finished" in ui.resumeButton.toolTip

    host.load_module(REGISTRATION)
    user.wait_until(lambda: ui.useButton.enabled, SHORTLY_S, "offered")
    user.click(ui.useButton)
    registration = slicer.modules.XVRRegistrationWidget
    assert registration.parameters.network == jobs_root / "net" / "network.safetensors"
    panel_steps.choose_inputs(registration, ct, xray[0])
    user.click(registration.ui.networkButton)
    panel_steps.settle(registration)
    assert "network net" in registration.ui.startStatus.text
    assert not registration.ui.messageLabel.text
