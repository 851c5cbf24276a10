"""Volumes and segmentations of the scene as the core sees them, standing in the world coordinate system."""

from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from xvrcore.errors import InputError
from xvrcore.rigid import require_rigid
from xvrcore.volume import Volume, sampled

MODALITIES = {"auto": "", "CT": "HU", "MR": "MR"}


def arrayFromMatrix(matrix):
    return slicer.util.arrayFromVTKMatrix(matrix)


def matrixFromArray(array):
    return slicer.util.vtkMatrixFromArray(np.asarray(array, float))


def worldFromParent(node):
    """4x4 of all transforms above a node.

    :raises InputError: one of them is not linear.
    """
    matrix = vtk.vtkMatrix4x4()
    parent = node.GetParentTransformNode()
    if parent is not None and not parent.IsTransformToWorldLinear():
        raise InputError(_("{name} is under a transform that is not linear; harden or remove it first.").format(
            name=node.GetName()))
    if parent is not None:
        parent.GetMatrixTransformToWorld(matrix)
    return arrayFromMatrix(matrix)


def rigidFromTransform(node):
    """4x4 of a linear transform node and all above it.

    :raises InputError: they do not make a rigid motion.
    """
    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(matrix)
    return require_rigid(worldFromParent(node) @ arrayFromMatrix(matrix),
                         _("The transform {name}").format(name=node.GetName()))


def worldFromIjk(node):
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return worldFromParent(node) @ arrayFromMatrix(matrix)


def stateOf(node, modality=""):
    """Changes whenever the volume does."""
    image = node.GetImageData()
    return (node.GetID(), image.GetMTime() if image else 0, worldFromIjk(node).tobytes(), modality)


def scalarArray(node):
    """The voxels [k, j, i].

    :raises InputError: there are none, or several values in each.
    """
    if node.GetImageData() is None or node.GetImageData().GetPointData().GetScalars() is None:
        raise InputError(_("{name} is empty; choose another volume.").format(name=node.GetName()))
    values = slicer.util.arrayFromVolume(node)
    if values.ndim != 3:
        raise InputError(_("{name} has {count} values in each voxel (a color or vector volume); choose a scalar "
                           "one.").format(name=node.GetName(), count=values.shape[-1]))
    return values


def coreVolume(node, modality="auto"):
    """A copy of a CT or MR volume.

    :param modality: a key of :data:`MODALITIES`.
    :raises InputError: the volume is empty, not scalar, constant, has values that are no numbers, a singular
        matrix, or a transform above it that is not linear.
    """
    values = scalarArray(node).astype(np.float32)
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all():
        raise InputError(_("{name} holds voxels that are not numbers; replace them.").format(name=node.GetName()))
    if low == high:
        raise InputError(_("{name} is constant (every voxel is {value:g}): there is nothing to register.").format(
            name=node.GetName(), value=float(low)))
    return Volume(values, worldFromIjk(node), MODALITIES[modality] or _quantity(values), pathOf(node))


def pathOf(node):
    storage = node.GetStorageNode()
    name = storage.GetFullNameFromFileName() if storage is not None else ""
    return Path(name or node.GetName())


def dicomFileOf(node):
    """The file of the first DICOM instance that a node was loaded from, or None where the database has none."""
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    found = slicer.dicomDatabase.fileForInstance(uids[0]) if uids else ""
    return Path(found) if found else None


def _quantity(values):
    from xvrcore.volume_io import FAT_HU, FAT_SHARE

    return "HU" if np.mean(sampled(values) < FAT_HU) >= FAT_SHARE else "MR"


def coreSegmentation(node, volumeNode):
    """The segments of a segmentation that hold anything, on the grid of a volume; where they overlap, the later one is
    on top.

    :return: (the core's segmentation, the segments' IDs in its order).
    :raises InputError: it is empty, or a transform above it is not linear.
    """
    from xvrcore.segments import Segment, Segmentation

    worldFromParent(node)
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
    ids = [one for one in ids if not _isEmpty(segmentation.GetSegment(one))]  # else all would fail
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    try:
        wanted = vtk.vtkStringArray()
        for segmentId in ids:
            wanted.InsertNextValue(segmentId)
        done = bool(ids) and slicer.modules.segmentations.logic().ExportSegmentsToLabelmapNode(
            node, wanted, labels, volumeNode)
        if not done:
            raise InputError(_("{name} has no segments; choose another segmentation.").format(name=node.GetName()))
        values = slicer.util.arrayFromVolume(labels).astype(np.uint8 if len(ids) < 256 else np.uint16)
        grid = Volume(values, worldFromIjk(labels), "labels", pathOf(node))
    finally:
        display = labels.GetDisplayNode()
        colors = display.GetColorNode() if display is not None else None
        slicer.mrmlScene.RemoveNode(labels)
        if colors is not None and colors.GetAttribute("Category") != "Default" and not colors.GetSingletonTag():
            slicer.mrmlScene.RemoveNode(colors)
    segments = [segmentation.GetSegment(segmentId) for segmentId in ids]
    named = tuple(Segment(value, s.GetName(), tuple(s.GetColor())) for value, s in enumerate(segments, 1))
    return Segmentation(grid, named), ids


def _isEmpty(segment):
    """Whether its label map, perhaps shared with others, holds nothing but zeros; one erased by hand keeps its size."""
    image = segment.GetRepresentation("Binary labelmap")
    return image is not None and (image.IsEmpty() or image.GetScalarRange()[1] == 0)
