"""Loading, reloading and unloading a module, and what it may leave behind."""

import pathlib

import pytest
from slicerhost import testing as user

PROBE = pathlib.Path(__file__).parent / "HostProbe" / "HostProbe.py"


def test_unloading_leaves_nothing_behind(host, open_module):
    import slicer

    before = user.Leftovers()
    widget = open_module(PROBE)
    user.click(widget.ui.tickButton)
    widget.startProcess()
    found = user.Leftovers().since(before)
    assert any("running timer" in f for f in found)
    assert any("process" in f for f in found)
    assert any("HostProbeWidget.release" in f for f in found)
    slicer.util.mainWindow().moduleSelector().leave()
    host.moduleManager().unload("HostProbe")
    slicer.mrmlScene.Clear()
    assert user.Leftovers().since(before) == []
    assert not widget.timer.active
    assert widget.Observations == []
    assert not hasattr(slicer.modules, "hostprobe")


def test_reloading_makes_a_new_widget_that_works(probe, ct):
    import slicer

    user.click(probe.ui.tickButton)
    slicer.util.reloadScriptedModule("HostProbe")
    new = slicer.util.getModuleWidget("HostProbe")
    assert new is not probe
    assert new is slicer.modules.HostProbeWidget
    assert not probe.timer.active
    assert probe.Observations == []
    new._parameterNode.ct = ct
    new._parameterNode.pose = new.ui.poseSelector.addNode()
    user.click(new.ui.applyButton)
    assert new.ui.statusLabel.text == "Moved 1.5 mm"


@pytest.mark.parametrize("leak", ["timer", "process", "observer", "observer of the scene", "node", "thread"])
def test_each_kind_of_leftover_is_found(host, leak):
    import subprocess
    import sys
    import threading

    import qt
    import slicer

    before = user.Leftovers()
    if leak == "timer":
        kept = qt.QTimer()
        kept.start(1000)
        undo = kept.stop
    elif leak == "process":
        kept = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
        undo = kept.communicate
    elif leak == "observer":
        kept = slicer.util.VTKObservationMixin()
        kept.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, print)
        undo = kept.removeObservers
    elif leak == "observer of the scene":
        tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, lambda *_: None)
        undo = lambda: slicer.mrmlScene.RemoveObserver(tag)  # noqa: E731
    elif leak == "node":
        kept = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
        undo = slicer.mrmlScene.Clear
    else:
        event = threading.Event()
        kept = threading.Thread(target=event.wait)
        kept.start()
        undo = lambda: (event.set(), kept.join())  # noqa: E731
    assert any(leak in found for found in user.Leftovers().since(before))
    undo()
    assert user.Leftovers().since(before) == []


def test_a_module_without_its_resources_fails_loudly(host, tmp_path):
    import shutil

    import slicer

    shutil.copy(PROBE, tmp_path / "HostProbe.py")
    host.load_module(tmp_path / "HostProbe.py")
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.selectModule("HostProbe")
    from slicerhost.faults import ledger

    with ledger.expect("has no attribute 'timer'"):  # its cleanup does not know that setup stopped half way
        host.moduleManager().unload("HostProbe")


def test_the_module_describes_itself(probe):
    import slicer

    module = slicer.util.getModule("HostProbe")
    assert module.title == "Host Probe"
    assert module.path == str(PROBE)
    assert "HostProbe" in slicer.util.moduleNames()
    assert slicer.util.getModuleLogic("HostProbe") is probe.logic
    assert slicer.util.modulePath("HostProbe") == str(PROBE)


def test_settings_and_packages_are_fresh_in_every_test(host):
    import slicer

    settings = slicer.app.userSettings()
    assert settings.value("Probe/x") is None
    settings.setValue("Probe/x", "1")
    assert slicer.util.settingsValue("Probe/x", "0") == "1"
