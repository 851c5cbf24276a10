"""Stored pixel values of DICOM frames, and the modality transform that gives them their meaning."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.pixels import iter_pixels

from xvrcore.errors import InputError
from xvrcore.xray_io.dicom_tags import Tags


def stored_frames(dataset: Dataset, path: Path, indices: range) -> Iterator[np.ndarray]:
    """The stored values (rows, cols) of some frames, exactly as the file holds them.

    pydicom's decoders are asked first; what they cannot decode (JPEG lossless, JPEG-LS) goes to
    SimpleITK's, whose inversion of MONOCHROME1 and whose rescaling are undone.

    :raises InputError: no decoder can read the pixels, or they are colored.
    """
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise InputError(f"{path} is a palette-color image; export the X-ray in gray.")
    try:
        frames = list(iter_pixels(dataset, indices=list(indices), raw=_is_gray(dataset),
                                  correct_unused_bits=False))
    except (RuntimeError, ValueError, AttributeError, NotImplementedError, KeyError, EOFError, OSError) as error:
        frames = frames_by_simpleitk(dataset, path, indices, error)
    for frame in frames:
        yield _one_channel(frame, path) if frame.ndim == 3 else _own_bits(frame, dataset)


def _is_gray(dataset: Dataset) -> bool:
    return int(dataset.get("SamplesPerPixel") or 1) == 1


def _own_bits(frame: np.ndarray, dataset: Dataset) -> np.ndarray:
    """The BitsStored below HighBit: other bits may hold overlays or rubbish."""
    allocated, stored = int(dataset.get("BitsAllocated", 16)), int(dataset.get("BitsStored", 16))
    high = int(dataset.get("HighBit", stored - 1))
    if not np.issubdtype(frame.dtype, np.integer) or stored >= allocated:
        return frame
    bits = (frame.astype(np.int64) >> (high + 1 - stored)) & ((1 << stored) - 1)
    if dataset.get("PixelRepresentation"):
        bits = np.where(bits >> (stored - 1), bits - (1 << stored), bits)
    return bits


def _one_channel(frame: np.ndarray, path: Path) -> np.ndarray:
    """The gray picture of an RGB frame whose channels agree, but for compression's rounding."""
    if np.ptp(frame.astype(np.int32), axis=-1).max() > 8:
        raise InputError(f"{path} is a color image; export the X-ray in gray.")
    return frame[..., 1]


def frames_by_simpleitk(dataset: Dataset, path: Path, indices: range, reason: Exception) -> list[np.ndarray]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        image = reader.Execute()
    except RuntimeError as error:
        first_line = str(reason).strip().splitlines()[-1].strip()
        raise InputError(f"{path} has pixels that cannot be decoded ({first_line}); "
                         "the file is damaged or truncated, export it again.") from error
    values = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        return [values[i] for i in indices]
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    if (slope, intercept) != (1, 0):
        values = np.rint((values - intercept) / slope).astype(np.int64)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        low, high = stored_range(dataset)
        values = int(low + high) - values.astype(np.int64)
    return [values.reshape(-1, *values.shape[-2:])[i] for i in indices]


def stored_range(dataset: Dataset) -> tuple[int, int]:
    """The least and largest value that BitsStored and PixelRepresentation allow."""
    bits = int(dataset.get("BitsStored", 16))
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if dataset.get("PixelRepresentation") else (0, (1 << bits) - 1)


def modality_transform(tags: Tags) -> tuple[Callable, tuple[float, float] | None, bool]:
    """The modality transform, the range of its results, and whether it made the values linear to intensity.

    In XA and XRF the Modality LUT of a LOG image leads back to values linear to beam intensity
    (PS3.3 C.8.7.1.1.2). A VOI LUT is display only and never applied.
    """
    dataset = tags.places[-1]
    low, high = stored_range(dataset)
    sequence = tags.get("ModalityLUTSequence")
    if sequence:
        table, first = _lookup_table(sequence[0], tags)
        linearized = str(tags.get("PixelIntensityRelationship") or "").upper() == "LOG" and _is_curved(table)

        def by_table(stored):
            return table[np.clip(np.asarray(stored) - first, 0, len(table) - 1).astype(np.int64)]
        return by_table, (float(table.min()), float(table.max())), linearized
    slope = tags.number("RescaleSlope")
    slope, intercept = 1.0 if slope is None else slope, tags.number("RescaleIntercept") or 0.0
    if slope == 0:
        raise InputError(f"{tags.path} holds RescaleSlope 0, which erases the picture; correct the file.")

    def by_line(stored):
        return np.asarray(stored, np.float32) * np.float32(slope) + np.float32(intercept)
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        return by_line, None, False
    ends = sorted((low * slope + intercept, high * slope + intercept))
    return by_line, (ends[0], ends[1]), False


def _lookup_table(item: Dataset, tags: Tags) -> tuple[np.ndarray, int]:
    """The table and the stored value of its first entry (PS3.3 C.11.1.1)."""
    entries, first, bits = (int(v) for v in item.LUTDescriptor)
    data = item.LUTData
    table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data)
    if len(table) < 2 or len(table) < (entries or 65536):
        raise InputError(f"{tags.path} holds a Modality LUT shorter than it says; correct the file.")
    if tags.places[-1].get("PixelRepresentation") and first >= 32768:
        first -= 65536
    return (table.astype(np.int64) & ((1 << bits) - 1)).astype(np.float32), first


def _is_curved(table: np.ndarray) -> bool:
    straight = np.linspace(table[0], table[-1], len(table))
    return bool(np.abs(table - straight).max() > 0.02 * max(np.ptp(table), 1))
