"""Where an X-ray's pixels and header come from: a file, or an image of the scene and the file behind it."""

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from slicer.i18n import tr as _

from xvrcore.errors import InputError

from . import dicom_image
from .volumes import dicomFileOf, pathOf, scalarArray


@dataclass(frozen=True)
class Reading:
    """What came of reading: ``radiograph`` (xvrcore's), or None where values in ``missing`` have to be typed first.

    ``facts`` are what the file states (name to :class:`xvrcore.xray.Origin`); ``frames`` how many images it holds;
    ``changed`` tells that the image was changed in the scene, so that its DICOM file no longer speaks for it.
    """

    radiograph: object
    facts: dict
    missing: tuple = ()
    frames: int = 1
    changed: bool = False

    def remark(self):
        """What the user should know of where it comes from, in words; empty where that is plain."""
        return _("The image was changed since it was loaded: its DICOM header is not used.") if self.changed else ""


def fileBehind(node):
    """The file that an image of the scene was loaded from, or None where it was changed; DICOM's also then: nodes
    loaded from there do not tell."""
    found = dicomFileOf(node)
    path = found or pathOf(node)
    return path if path.is_file() and (found or not node.GetModifiedSinceRead()) else None


def readerOf(sourceNode, path, frame, edits):
    """A function without arguments that gives a :class:`Reading`, to be called in any thread.

    :param sourceNode: an image of the scene, or None to read the file at ``path``.
    :param edits: JSON of what the user stated.
    :raises InputError: neither is there, or the node is no single image.
    """
    if sourceNode is None:
        return lambda: _read(path, edits, frame)
    behind = fileBehind(sourceNode)
    try:
        pixels = _imageOf(sourceNode)
    except InputError:
        if behind is None:
            raise
        return lambda: _read(behind, edits, frame)
    name, spacing = sourceNode.GetName(), sourceNode.GetSpacing()

    def read():
        if behind is not None and dicom_image.shows(behind, pixels):
            return _read(behind, edits, frame)
        return replace(_readPixels(name, pixels, spacing, edits), changed=behind is not None)

    return read


def _imageOf(node):
    """A copy of a node's pixels [1, row, column].

    :raises InputError: it is no single gray image.
    """
    pixels = scalarArray(node)
    if len(pixels) != 1:
        raise InputError(_("{name} is a volume of {count} slices, not an X-ray; choose an image.").format(
            name=node.GetName(), count=len(pixels)))
    return pixels.copy()


def _read(path, edits, frame):
    from xvrcore.dicom_tags import is_dicom
    from xvrcore.xray_io import read_radiograph
    from xvrcore.xray_io.image_file import read_image_file
    from xvrcore.xray_io.reading import NEEDED

    options = optionsOf(edits)
    if not path.is_file():
        raise InputError(_("{path} does not exist; choose an X-ray file.").format(path=path))
    frames = _frameCount(path) if is_dicom(path) else 1
    frame = frame if frames > 1 else 0
    facts = _dicomFacts(path, str(frame), options) if is_dicom(path) else read_image_file(path, str(frame)).facts
    missing = tuple(name for name in NEEDED if name not in facts and getattr(options, name) is None)
    if missing:
        return Reading(None, facts, missing, frames)
    radiograph = read_radiograph(path, options, str(frame))
    return Reading(radiograph, radiograph.origins, (), frames)


def _dicomFacts(path, frame, options):
    """What the header states, but for what the user does; without all that is needed where it states nonsense."""
    from xvrcore.xray_io.dicom import read_dicom
    from xvrcore.xray_io.reading import NEEDED

    stated = frozenset(name for name, value in vars(options).items() if value is not None)
    try:
        return read_dicom(path, frame, stated).facts
    except InputError:
        return read_dicom(path, frame, stated | frozenset(NEEDED)).facts


def _frameCount(path):
    import pydicom

    return int(pydicom.dcmread(path, stop_before_pixels=True).get("NumberOfFrames") or 1)


def _readPixels(name, pixels, spacing, edits):
    """Through a file, as the core reads files: an image made in Slicer is treated like any other picture."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(pixels)
    image.SetSpacing(spacing)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.nrrd"
        sitk.WriteImage(image, str(path))
        try:
            reading = _read(path, edits, 0)
            radiograph = reading.radiograph and replace(reading.radiograph, path=Path(name))
            return replace(reading, radiograph=radiograph)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from error


def optionsOf(edits):
    """The core's options from their JSON."""
    from xvrcore.xray_io import XrayOptions

    stated = {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(edits).items()}
    return XrayOptions(**stated)


def editsOf(options):
    """JSON of options."""
    return json.dumps({key: value for key, value in asdict(options).items() if value is not None})
