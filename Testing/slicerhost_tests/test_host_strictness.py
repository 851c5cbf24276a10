"""What Slicer refuses, or lets pass in silence, the host catches."""

import pathlib

import numpy as np
import pytest
from slicerhost import testing as user
from slicerhost.faults import ledger
from slicerhost.pythonqt.dialogs import dialogs


@pytest.mark.parametrize("signal", ["clicked", "clicked(int)", "pressed(bool)", "currentNodeChanged(vtkMRMLNode*)"])
def test_connecting_a_signal_that_does_not_exist_raises(host, signal):
    import qt

    button = qt.QPushButton("x")
    with pytest.raises(ValueError, match="has no signal"):
        button.connect(signal, lambda: None)


def test_the_right_signals_connect_and_disconnect(host):
    import qt
    import slicer

    calls = []
    button = qt.QPushButton("x")
    assert button.connect("clicked(bool)", calls.append) is True
    assert button.connect("clicked()", lambda: calls.append("none")) is True
    button.click()
    assert button.disconnect("clicked(bool)", calls.append) is True
    assert button.disconnect("clicked(bool)", calls.append) is False
    button.click()
    assert calls == [False, "none", "none"]
    combo = slicer.qMRMLNodeComboBox()
    assert combo.connect("currentNodeChanged(bool)", calls.append)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value", np.int64(3)),
        ("value", 3.0),
        ("value", "3"),
        ("toolTip", pathlib.Path("a")),
        ("toolTip", 3),
        ("enabled", 1),
        ("enabled", np.bool_(True)),
        ("minimum", None),
    ],
)
def test_a_property_takes_only_its_own_type(host, name, value):
    import qt

    spin = qt.QSpinBox()
    with pytest.raises(TypeError):
        setattr(spin, name, value)


def test_setters_refuse_foreign_numbers_too(host):
    import ctk
    import qt

    with pytest.raises(TypeError, match="int64"):
        qt.QSpinBox().setValue(np.int64(3))
    for bad in (np.float32(1), pathlib.Path("1")):
        with pytest.raises(TypeError):
            ctk.ctkSliderWidget().value = bad
    with pytest.raises(TypeError):
        ctk.ctkPathLineEdit().currentPath = pathlib.Path("a")


def test_no_attribute_can_be_added_to_a_qt_object(host):
    import ctk
    import qt

    for widget in (qt.QPushButton("x"), ctk.ctkSliderWidget()):
        with pytest.raises(AttributeError, match="no attribute"):
            widget.vlaue = 3
        with pytest.raises(AttributeError):
            widget.vlaue  # noqa: B018 - reading is what is tested


def test_properties_are_attributes_and_lists_are_tuples(host):
    import ctk
    import qt

    button = qt.QPushButton("x")
    button.name = "me"
    assert (button.text, button.objectName, button.enabled, button.className()) == ("x", "me", True, "QPushButton")
    edit = ctk.ctkPathLineEdit()
    edit.nameFilters = ["*.a", "*.b"]
    assert edit.nameFilters == ("*.a", "*.b")


def test_an_exception_in_a_slot_a_timer_or_an_observer_is_a_fault(host):
    import qt
    import slicer

    def fail(*_):
        raise ZeroDivisionError("in the slot")

    button = qt.QPushButton("x")
    button.connect("clicked()", fail)
    with ledger.expect("in the slot", "slot"):
        button.click()
    button.disconnect("clicked()", fail)
    button.clicked.connect(fail)
    with ledger.expect("in the slot", "slot"):
        button.click()
    qt.QTimer.singleShot(0, fail)
    with ledger.expect("in the slot", "slot"):
        user.wait_until(lambda: ledger.faults, 2)
    node = slicer.vtkMRMLModelNode()
    node.AddObserver("ModifiedEvent", fail)
    with ledger.expect("in the slot", "slot"):
        node.Modified()


def test_a_fault_that_nobody_expects_fails_the_test(host):
    ledger.record("vtk", "something")
    with pytest.raises(AssertionError, match=r"1 fault\(s\).*\n\[vtk\] something"):
        ledger.check()
    with pytest.raises(AssertionError, match="no fault matched"), ledger.expect("other"):
        ledger.record("vtk", "something")
    ledger.clear()


def test_a_vtk_error_and_a_vtk_warning_are_faults(host):
    import vtk

    reader = vtk.vtkSTLReader()
    reader.SetFileName("/nowhere.stl")
    with ledger.expect("Unable to open|returned failure", "vtk"):
        reader.Update()
    with ledger.expect("deprecated", "vtk"):
        import slicer

        slicer.vtkMRMLLinearTransformNode().GetMatrixTransformToParent()


def test_a_qt_warning_is_a_fault(host):
    import qt

    with ledger.expect("no such signal|No such|QObject", "qt"):
        qt.QObject.killTimer(qt.QObject(), 12345)


def test_a_modal_box_has_to_be_expected(host):
    import qt
    import slicer

    with ledger.expect("nobody answers.*boo", "dialog"):
        slicer.util.errorDisplay("boo")
    with dialogs.answer("Sure", qt.QMessageBox.Yes):
        assert slicer.util.confirmYesNoDisplay("Sure?")
    with dialogs.answer("Sure", qt.QMessageBox.No):
        assert not slicer.util.confirmYesNoDisplay("Sure?")
    with pytest.raises(AssertionError, match="no dialog matched"), dialogs.answer("never", qt.QMessageBox.Ok):
        pass


def test_a_failure_is_shown_with_its_traceback_and_raised_again(probe):
    import qt

    with dialogs.answer("It failed.*on purpose", qt.QMessageBox.Ok), ledger.expect("on purpose", "slot"):
        user.click(probe.ui.failButton)
    assert "raise ValueError" in dialogs.shown[-1].details


def test_file_dialogs_are_answered(probe):
    path = "/data/network.pth"
    with dialogs.answer("Select a file", path):
        probe.ui.checkpointPath.browse()
    assert probe._parameterNode.checkpoint == pathlib.Path(path)
    with dialogs.answer("directory", "/data"):
        user.click(probe.ui.folderButton)
    assert probe.ui.folderButton.directory == "/data"


def _edited_ui(tmp_path, replace, by):
    ui = pathlib.Path(__file__).parent / "HostProbe" / "Resources" / "UI" / "HostProbe.ui"
    text = ui.read_text()
    assert replace in text
    path = tmp_path / "edited.ui"
    path.write_text(text.replace(replace, by, 1))
    return str(path)


@pytest.mark.parametrize(
    ("replace", "by", "message"),
    [
        ("<class>ctkRangeWidget</class>", "<class>other</class>", "ctkRangeWidget without a <customwidget>"),
        ('name="singleStep"', 'name="singelStep"', "singelStep, which does not exist"),
        ("<receiver>seek</receiver>", "<receiver>sek</receiver>", "connects sek, which is not in it"),
        ("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)", "setScene.*does not exist"),
        ("mrmlSceneChanged(vtkMRMLScene*)", "sceneChanged(vtkMRMLScene*)", "no signal"),
    ],
)
def test_a_mistake_in_the_ui_raises(host, tmp_path, replace, by, message):
    import slicer

    with pytest.raises((RuntimeError, ValueError), match=message):
        slicer.util.loadUI(_edited_ui(tmp_path, replace, by))


def test_a_widget_without_a_scene_is_an_error(host, tmp_path):
    import shutil

    import slicer

    shutil.copytree(pathlib.Path(__file__).parent / "HostProbe", tmp_path / "HostProbe")
    ui = tmp_path / "HostProbe" / "Resources" / "UI" / "HostProbe.ui"
    edited = _edited_ui(tmp_path, "<receiver>seek</receiver>", "<receiver>play</receiver>")
    shutil.copy(edited, ui)
    host.load_module(tmp_path / "HostProbe" / "HostProbe.py")
    with pytest.raises(RuntimeError, match="qMRMLSequenceBrowserSeekWidget seek"):
        slicer.util.selectModule("HostProbe")


def test_mistakes_that_only_the_source_shows(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('isinstance(w, qt.QWidget)\n_(f"a {b}")\nt.GetMatrixTransformToParent()\n_("{b}").format(b=b)\n'
                    'w.text = "a" if b else ""\nw.text = _("a")\nw.toolTip = f"a {b}"\nw.text = f"{b} "\n')
    assert [m.split(":")[1] for m in user.source_mistakes(path)] == ["1", "2", "3", "5", "7"]


def test_observing_twice_and_unobserving_what_is_not_observed_are_errors(host):
    import slicer

    mixin = slicer.util.VTKObservationMixin()
    mixin.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, print)
    with pytest.raises(UserWarning):
        mixin.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, print)
    mixin.removeObservers()
    with pytest.raises(UserWarning):
        mixin.removeObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, print)


def test_a_link_is_noted_and_not_opened(host):
    import qt

    assert qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/help"))
    assert dialogs.shown[-1].text == "https://example.org/help"


def test_widgets_do_not_tell_what_slicers_keep_to_themselves(host):
    import slicer

    for widget in (slicer.qMRMLSequenceBrowserSeekWidget(), slicer.qMRMLSequenceBrowserPlayWidget()):
        with pytest.raises(AttributeError):
            widget.mrmlSequenceBrowserNode()
    with pytest.raises(AttributeError):
        slicer.qMRMLMatrixWidget().mrmlTransformNode()
