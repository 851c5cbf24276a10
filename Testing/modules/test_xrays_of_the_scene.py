"""What both modules read of an X-ray: its file as it stands, with what the user states in place of what is wrong."""

import numpy as np
import pydicom
import pytest
from finetune_steps import SHORTLY_S, settle
from registration_scene import write_xray
from slicerhost import testing as user

from xvrcore.errors import InputError


@pytest.fixture
def without_spacing(xray, tmp_path):
    """The X-ray, its header claiming pixels of no size."""
    dataset = pydicom.dcmread(xray[0])
    dataset.ImagerPixelSpacing = [0, 0]
    path = tmp_path / "nonsense.dcm"
    dataset.save_as(path)
    return path


def test_a_header_that_states_nonsense_can_be_typed_over(trainer, ct, without_spacing):
    ui = trainer.ui
    user.select_node(ui.ctSelector, ct)
    assert user.drop_files(trainer.inputsSection.dropArea, without_spacing)
    user.wait_until(lambda: trainer.session.reading is not None, SHORTLY_S, "read")
    settle(trainer)
    assert "type the highlighted values" in ui.inputsStatus.text
    assert ui.rowSpacingBox.styleSheet
    user.type_text(ui.rowSpacingBox, "2")
    user.wait_until(lambda: trainer.session.example is not None, SHORTLY_S, "complete")
    settle(trainer)
    assert trainer.session.example.intrinsics.spacing_mm == (2, 2)
    assert trainer.session.example.intrinsics.sdd_mm == 1000


def test_what_is_no_xray_is_still_refused(host, tmp_path):
    from XVRCommonLib.xrays import readerOf

    path = tmp_path / "torn.dcm"
    path.write_bytes(bytes(128) + b"DICM" + bytes(40))
    with pytest.raises(InputError, match="torn.dcm"):
        readerOf(None, path, 0, "{}")()


def test_an_image_that_was_changed_is_read_as_it_is_shown(host, tmp_path):
    """Not from the file that it once was loaded from."""
    import slicer

    from XVRCommonLib.xrays import fileBehind, readerOf

    made = slicer.util.addVolumeFromArray(np.random.default_rng(0).uniform(0, 1, (1, 60, 50)), name="shot")
    assert slicer.util.saveNode(made, str(tmp_path / "shot.nrrd"))
    node = slicer.util.loadVolume(str(tmp_path / "shot.nrrd"))
    assert fileBehind(node) == tmp_path / "shot.nrrd"
    pixels = slicer.util.arrayFromVolume(node)
    pixels[0, :, :25] = 7
    slicer.util.arrayFromVolumeModified(node)
    assert fileBehind(node) is None
    edits = '{"sdd_mm": 1000, "pixel_spacing_mm": [1, 1], "polarity": -1}'
    image = readerOf(node, None, 0, edits)().radiograph.readings[0].image
    assert np.ptp(image[:, :25]) == 0


def loaded_from_dicom(path, change=lambda pixels: pixels):
    """A node as Slicer's DICOM module loads it (ITK's GDCM, no storage node), changed afterwards."""
    import SimpleITK as sitk
    import slicer

    node = slicer.util.addVolumeFromArray(change(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))), name="shot")
    node.SetAttribute("DICOM.instanceUIDs", slicer.dicomDatabase.insert(path))
    assert node.GetModifiedSinceRead()
    return node


def painted(pixels):
    pixels = pixels.copy()
    pixels[0, 40:60, 50:70] = pixels.min()
    return pixels


@pytest.mark.parametrize("darker", [False, True])
def test_an_image_from_dicom_has_its_files_header(host, xray, tmp_path, darker):
    """Also where it is shown inverted, and whatever its window."""
    from XVRCommonLib.xrays import readerOf

    dataset = pydicom.dcmread(xray[0])
    dataset.PhotometricInterpretation = "MONOCHROME1" if darker else "MONOCHROME2"
    dataset.save_as(tmp_path / "shot.dcm")
    node = loaded_from_dicom(tmp_path / "shot.dcm", lambda pixels: 3.0 - 2 * pixels.astype(float))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetWindowLevelMinMax(1, 2)
    reading = readerOf(node, None, 0, "{}")()
    assert reading.radiograph.path == tmp_path / "shot.dcm"
    assert reading.remark() == ""


@pytest.mark.parametrize("change", [painted, lambda pixels: pixels[:, 20:, :-30]])
def test_an_image_from_dicom_that_was_changed_is_read_as_it_is_shown(panel, ct, xray, change):
    node = loaded_from_dicom(xray[0], change)
    user.select_node(panel.ui.ctSelector, ct)
    user.select_node(panel.ui.xraySelector, node)
    user.wait_until(lambda: panel.session.worker.idle, SHORTLY_S, "read")
    panel.update()
    assert "its DICOM header is not used" in panel.ui.geometryStatus.text
    assert panel.ui.sddOrigin.text == "missing"
    panel.session.edit(sdd_mm=1000.0, pixel_spacing_mm=(2.2, 1.9))
    user.wait_until(lambda: panel.session.xray.intrinsics() is not None, SHORTLY_S, "read")
    intrinsics = panel.session.xray.intrinsics()
    assert (1, intrinsics.rows, intrinsics.cols) == node.GetImageData().GetDimensions()[::-1]


def test_an_image_that_no_longer_matches_its_film_is_taken_on_trust(host, tmp_path):
    """A sequence's shown frame may be another than the one that is read."""
    from XVRCommonLib.dicom_image import shows

    write_xray(tmp_path / "film.dcm", frames=3)
    assert shows(tmp_path / "film.dcm", np.zeros((1, 144, 176)))
