"""Slicer's other modules as modules meet them: packages and the PyTorch extension are recorded, samples registered."""

import pytest
from slicerhost.pythonqt.dialogs import dialogs


def test_pip_is_never_run_but_recorded(host):
    import qt
    import slicer
    from slicer import packaging

    assert packaging.pip_check("numpy>=1.0")
    assert not packaging.pip_check("numpy<1.0")
    packaging.missing.add("pydicom")
    with (
        dialogs.answer("Probe requires packages: pydicom", qt.QMessageBox.Cancel),
        pytest.raises(RuntimeError, match="declined"),
    ):
        packaging.pip_ensure("pydicom", requester="Probe")
    with dialogs.answer("requires", qt.QMessageBox.Ok):
        packaging.pip_ensure("pydicom>=2 numpy", requester="Probe", skip_packages=["SimpleITK"])
    assert [r.requirements for r in packaging.requests] == [("pydicom>=2",)]
    assert packaging.pip_check("pydicom")
    assert slicer.app.testingEnabled() is False


def test_the_pytorch_extension_is_asked_and_may_be_declined(host):
    import qt
    import slicer
    from slicer import packaging

    with pytest.raises(ImportError):
        import PyTorchUtils
    assert not slicer.app.extensionsManagerModel().isExtensionInstalled("PyTorch")
    packaging.add_pytorch_extension()
    packaging.missing.add("torch")
    import PyTorchUtils

    logic = PyTorchUtils.PyTorchUtilsLogic()
    assert slicer.app.extensionsManagerModel().isExtensionInstalled("PyTorch")
    assert not logic.torchInstalled()
    with dialogs.answer("PyTorch will be downloaded", qt.QMessageBox.Cancel):
        assert logic.installTorch(askConfirmation=True) is None
    assert packaging.requests == []


def test_samples_are_registered_as_slicer_takes_them(host):
    import SampleData

    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    with pytest.raises(TypeError):
        register(sampleName="no lists", customDownloader=print)
    with pytest.raises(TypeError):
        register(sampleName="described", sampleDescription="", uris=[], fileNames=[], customDownloader=print)
    with pytest.raises(RuntimeError, match="its button makes"):
        SampleData.SampleDataLogic().downloadSamples("ProbeCT")
