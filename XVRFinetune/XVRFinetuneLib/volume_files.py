"""Files for the worker: the volume's own where it says what the scene shows; what else it needs in the job's folder."""

import numpy as np
from slicer.i18n import tr as _

from XVRCommonLib.volumes import pathOf
from xvrcore.errors import InputError
from xvrcore.files import said_plainly

READABLE = (".nrrd", ".nhdr", ".mha", ".mhd", ".nii", ".nii.gz")
VOLUME, SEGMENTS, TEMPLATE = "volume.nrrd", "segments.nrrd", "template.tfm"
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
LEAST_ORTHOGONAL = 1e-4


def fileOf(node):
    """The file that a volume of the scene was loaded from and still equals, or None."""
    path = pathOf(node)
    same = path.is_file() and path.name.lower().endswith(READABLE) and not node.GetModifiedSinceRead()
    return path if same and node.GetParentTransformNode() is None else None


def writeInputs(order, subject, folder, volumeFile):
    """What :func:`writeSubject` gives, and the file of the order's template transform or None."""
    files = writeSubject(subject, folder, volumeFile)
    if order.networkFromVolume is None:
        return *files, None
    writeTemplate(order.networkFromVolume, folder / TEMPLATE)
    return *files, folder / TEMPLATE


def writeSubject(subject, folder, volumeFile):
    """Write what is not on the disk; (the volume's file, the segments' or None).

    :raises InputError: the folder cannot be written to, or the volume is sheared.
    """
    with said_plainly(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if volumeFile is None:
        volumeFile = folder / VOLUME
        writeVolume(subject.volume, volumeFile)
    segments = None
    if subject.segments is not None:
        segments = folder / SEGMENTS
        writeVolume(subject.segments.labels, segments)
    return volumeFile, segments


def writeVolume(volume, path):
    """A volume of the core (:class:`xvrcore.volume.Volume`) as NRRD.

    :raises InputError: its axes are not at right angles, or the file cannot be written.
    """
    import SimpleITK as sitk

    matrix = LPS_FROM_RAS @ volume.ras_from_ijk
    direction = matrix[:3, :3] / volume.spacing_mm
    if np.abs(direction.T @ direction - np.eye(3)).max() > LEAST_ORTHOGONAL:
        raise InputError(_("The volume's axes are not at right angles; resample it first (module Resample Scalar "
                           "Volume)."))
    image = sitk.GetImageFromArray(volume.values)
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection(direction.ravel().tolist())
    _written(lambda: sitk.WriteImage(image, str(path), True), path)


def writeTemplate(networkFromVolume, path):
    """A motion (4x4, RAS) as ITK has it: in LPS, from the network's volume to this one.

    :raises InputError: the file cannot be written.
    """
    import SimpleITK as sitk

    matrix = LPS_FROM_RAS @ np.linalg.inv(networkFromVolume) @ LPS_FROM_RAS
    transform = sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
    _written(lambda: sitk.WriteTransform(transform, str(path)), path)


def _written(write, path):
    try:
        write()
    except RuntimeError as error:
        raise InputError(_("{path} cannot be written: free some space, or choose another folder.").format(
            path=path)) from error
