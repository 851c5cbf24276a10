"""Packages that training needs: named, asked for, installed without touching Slicer's own, and tried out."""

from pathlib import Path

import pytest
from finetune_steps import MODULE, SHORTLY_S, STARTED_S, settle
from slicerhost import testing as user
from slicerhost.pythonqt.dialogs import dialogs


def test_missing_packages_are_named_asked_for_and_torch_comes_from_its_extension(host, jobs_root, open_module):
    import qt
    import slicer
    from slicerhost import packaging

    packaging.missing.update({"torch", "psutil"})
    panel = open_module(MODULE)
    assert "psutil" in panel.ui.installLabel.text
    assert "torch comes through the PyTorch extension" in panel.ui.installLabel.text
    user.wait_until(lambda: not panel.ui.inputsSection.enabled, SHORTLY_S, "shown")
    assert "Install the packages" in panel.ui.inputsSection.toolTip
    user.click(panel.ui.installButton)
    assert "PyTorch extension is missing" in panel.ui.installLabel.text
    packaging.add_pytorch_extension()
    packaging.unavailable.add("psutil")
    with dialogs.answer("PyTorch will be", qt.QMessageBox.Cancel):
        user.click(panel.ui.installButton)
    assert "PyTorch was not installed" in panel.ui.installLabel.text
    with dialogs.answer("Install now", qt.QMessageBox.Ok), dialogs.answer("PyTorch will be", qt.QMessageBox.Ok):
        user.click(panel.ui.installButton)
    assert "Installing has failed" in panel.ui.installLabel.text
    packaging.unavailable.clear()
    with dialogs.answer("Install now", qt.QMessageBox.Ok):
        user.click(panel.ui.installButton)
    user.wait_until(lambda: "Ready" in panel.ui.messageLabel.text, SHORTLY_S, "checked")
    user.wait_until(lambda: "renderers that work: joseph (cpu)" in panel.ui.checkLabel.text, STARTED_S, "checked too")
    assert "this CPU" in panel.ui.budgetLabel.text
    asked = {name for request in slicer.packaging.requests for name in request.requirements}
    assert asked == {"torch>=2.2", "psutil>=5.9"}
    assert not panel.ui.installSection.visible


def test_the_device_is_named_without_a_click(host, jobs_root, open_module):
    """The worker's Python is asked, in the background; what it said is remembered."""
    import torch
    from XVRFinetuneLib.worker_python import knownGpus

    assert knownGpus() is None
    panel = open_module(MODULE)
    user.wait_until(lambda: "where there is none" in panel.ui.budgetLabel.text, SHORTLY_S, "left open")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    expected = gpus[0] if gpus else "on this CPU"
    user.wait_until(lambda: expected in panel.ui.budgetLabel.text and "where" not in panel.ui.budgetLabel.text,
                    STARTED_S, "named")
    assert knownGpus() == gpus
    assert "renderers that work: joseph (cpu)" in panel.ui.checkLabel.text


@pytest.mark.parametrize(("gpus", "profile", "words"), [
    (["NVIDIA H100"], "auto", "5 minutes on NVIDIA H100,"), (["NVIDIA H100"], "cpu", "5 minutes on this CPU ("),
    ([], "auto", "5 minutes on this CPU ("), ([], "gpu", "a GPU, which this Python does not find"),
    (["Apple GPU"], "auto", "5 minutes on this CPU ("), (["Apple GPU"], "gpu", "5 minutes on Apple GPU,")])
def test_the_budget_is_said_in_words(trainer, gpus, profile, words):
    from XVRFinetuneLib.parameters import Profile
    from XVRFinetuneLib.worker_python import rememberGpus

    rememberGpus(gpus)
    trainer.parameters.profile = Profile[profile]
    settle(trainer)
    assert words in trainer.ui.budgetLabel.text
    trainer.parameters.iterations = 300
    settle(trainer)
    assert trainer.ui.budgetLabel.text.startswith("Exactly 300 iterations on ")
    assert trainer.ui.minutesBox.toolTip == "The number of iterations in Advanced decides."


def test_what_the_panel_installs_is_what_the_core_needs():
    import tomllib

    from XVRCommonLib.packages import NETWORKS, UNTOUCHED

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    own = {one for one in project["dependencies"] if not one.startswith(tuple(set(UNTOUCHED) - {"torch"}))}
    assert set(NETWORKS) == own


@pytest.mark.parametrize(("said", "words"), [
    ("hello", "does not answer as Python does"),
    ('{"versions": {"torch": "not installed"}}', "torch is not installed")])
def test_a_program_that_is_no_python_with_torch_is_named(primed, tmp_path, said, words):
    other = tmp_path / "python"
    other.write_text(f"#!/bin/sh\necho '{said}'\n")
    other.chmod(0o755)
    user.click(primed.ui.advancedSection)
    user.type_text(primed.ui.pythonPath, str(other))
    user.wait_until(lambda: words in primed.ui.messageLabel.text, SHORTLY_S, "said")
    settle(primed)
    assert words in primed.ui.checkLabel.text


def test_a_python_that_cannot_train_is_named(primed, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'No module named numba' >&2\nexit 1\n")
    broken.chmod(0o755)
    user.click(primed.ui.advancedSection)
    user.type_text(primed.ui.pythonPath, str(broken))
    user.wait_until(lambda: "No module named numba" in primed.ui.checkLabel.text, SHORTLY_S, "said")
    user.click(primed.ui.startButton)
    user.wait_until(lambda: "No module named numba" in primed.ui.messageLabel.text, SHORTLY_S, "said")
    settle(primed)
    assert primed.ui.startButton.enabled
    user.type_text(primed.ui.pythonPath, str(tmp_path / "missing"))
    user.click(primed.ui.startButton)
    user.wait_until(lambda: "choose another in Advanced" in primed.ui.messageLabel.text, SHORTLY_S, "said")


def test_the_modules_own_test_passes_and_leaves_the_users_jobs_alone(trainer, small_jobs, jobs_root):
    import slicer

    from XVRCommonLib import job_list

    slicer.selfTests["XVRFinetune"]()
    assert dialogs.shown[-1].text == "Test passed"
    settle(trainer)
    assert not list(jobs_root.glob("*"))
    assert job_list.rootFolder() == jobs_root


def test_the_modules_own_test_is_skipped_without_torch(trainer):
    import slicer
    from slicerhost import packaging

    packaging.missing.add("torch")
    slicer.selfTests["XVRFinetune"]()
    assert "Skipped: torch" in dialogs.shown[-1].text
