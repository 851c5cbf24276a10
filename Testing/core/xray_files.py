"""Small X-ray files for tests: a picture with a bright and a dark corner, as DICOM in every encoding."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    RLELossless,
    generate_uid,
)

XA, DX, ENHANCED_XA = "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.12.1.1"
GEOMETRY = {"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 700, "ImagerPixelSpacing": [0.5, 0.25],
            "PositionerPrimaryAngle": 10, "PositionerSecondaryAngle": -5, "PatientOrientation": ["L", "F"]}


def intensities(shape=(48, 64), top=4000) -> np.ndarray:
    """Beam intensity (rows, cols) uint16 behind a soft slope with a bone-like bar and a block in one corner."""
    v, u = np.mgrid[:shape[0], :shape[1]] / np.array(shape)[:, None, None]
    line = 0.5 + 2 * v + u + 0.8 * (np.abs(u - 0.4) < 0.08) + 0.5 * ((u > 0.7) & (v < 0.3))
    return np.rint(top * np.exp(-line)).astype(np.uint16)


def write_xray(path, stored: np.ndarray, syntax: str = ExplicitVRLittleEndian, *, bits: int = 16, modality: str = "XA",
               **tags):
    """A DICOM X-ray of ``stored`` (rows, cols) or (frames, rows, cols); ``None`` leaves a tag out."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = tags.pop("SOPClassUID", XA)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    frames = stored if stored.ndim == 3 else stored[None]
    allocated = 8 if bits <= 8 else 16
    given = {"Modality": modality, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
             "PixelIntensityRelationship": "LIN", "BitsAllocated": allocated, "BitsStored": bits, "HighBit": bits - 1,
             "PixelRepresentation": int(stored.dtype.kind == "i"), "Rows": frames.shape[1], "Columns": frames.shape[2],
             **GEOMETRY, **tags}
    for name, value in given.items():
        if value is not None:
            setattr(dataset, name, value)
    if stored.ndim == 3:
        dataset.NumberOfFrames = len(frames)
    dataset.PixelData = frames.astype(f"<{stored.dtype.kind}{allocated // 8}").tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    elif syntax != ExplicitVRLittleEndian:
        dataset.PixelData = encapsulate([_compressed(f, syntax) for f in frames])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def _compressed(frame: np.ndarray, syntax: str) -> bytes:
    buffer = io.BytesIO()
    if syntax == JPEGBaseline8Bit:
        Image.fromarray(frame.astype(np.uint8)).save(buffer, "JPEG", quality=95)
    elif syntax == JPEG2000Lossless:
        Image.fromarray(frame).save(buffer, "JPEG2000", irreversible=False, no_jp2=True)
    elif syntax == JPEGLosslessSV1:
        return _lossless_jpeg(frame)
    return buffer.getvalue()


def _lossless_jpeg(frame: np.ndarray) -> bytes:
    """JPEG lossless as GDCM writes it, through a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.dcm"
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(path))
        writer.SetUseCompression(True)
        writer.SetCompressor("JPEG")
        writer.Execute(sitk.GetImageFromArray(frame[None]))
        dataset = pydicom.dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID in (JPEGLosslessSV1, "1.2.840.10008.1.2.4.57")
        return next(generate_frames(dataset.PixelData, number_of_frames=1))


def enhanced_groups(shared: dict, per_frame: list[dict]) -> dict:
    """Functional group sequences of an enhanced object, from {macro sequence: {tag: value}}."""
    def group(macros: dict) -> Dataset:
        item = Dataset()
        for sequence, tags in macros.items():
            inner = Dataset()
            for name, value in tags.items():
                setattr(inner, name, value)
            setattr(item, sequence, Sequence([inner]))
        return item
    return {"SharedFunctionalGroupsSequence": Sequence([group(shared)]),
            "PerFrameFunctionalGroupsSequence": Sequence([group(macros) for macros in per_frame])}
