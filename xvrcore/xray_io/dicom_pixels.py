"""Stored pixel values of DICOM frames, and the modality transform that gives them their meaning."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.pixels import iter_pixels

from xvrcore.dicom_tags import DAMAGE, Tags
from xvrcore.errors import InputError
from xvrcore.xray_io.gray import one_channel


@dataclass(frozen=True)
class PixelFormat:
    """How values lie in their bits (PS3.3 C.7.6.3)."""

    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool

    @property
    def range(self) -> tuple[int, int]:
        """The least and the largest value that can be stored."""
        half = 1 << (self.stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


def pixel_format(tags: Tags) -> PixelFormat:
    """:raises InputError: palette color, or bits that do not fit."""
    allocated = tags.whole("BitsAllocated", 16)
    stored = tags.whole("BitsStored", allocated)
    result = PixelFormat(tags.whole("SamplesPerPixel", 1), tags.word("PhotometricInterpretation"), allocated, stored,
                         tags.whole("HighBit", stored - 1), tags.whole("PixelRepresentation", 0) == 1)
    if result.photometric == "PALETTE COLOR":
        raise InputError(f"{tags.path} is a palette-color image; export the X-ray in gray.")
    if not (1 <= stored <= allocated <= 64 and stored - 1 <= result.high < allocated):
        raise InputError(f"{tags.path} holds {stored} bits stored up to bit {result.high} of {allocated}, which do "
                         "not fit; export the file again.")
    return result


def stored_frames(tags: Tags, form: PixelFormat, indices: range) -> Iterator[np.ndarray]:
    """The stored values (rows, cols) of some frames, exactly as the file holds them.

    pydicom's decoders are asked first; what they cannot decode (JPEG lossless, JPEG-LS) goes to SimpleITK's.

    :raises InputError: no decoder can read the pixels, or they are colored.
    """
    try:
        frames = list(iter_pixels(tags.dataset, indices=list(indices), raw=form.samples == 1,
                                  correct_unused_bits=False))
    except DAMAGE as error:
        frames = frames_by_simpleitk(tags, form, indices, error)
    for frame in frames:
        yield one_channel(frame, tags.path) if frame.ndim == 3 else _own_bits(frame, form)


def _own_bits(frame: np.ndarray, form: PixelFormat) -> np.ndarray:
    """The BitsStored up to HighBit: other bits may hold overlays or rubbish."""
    if not np.issubdtype(frame.dtype, np.integer) or form.stored == form.allocated:
        return frame
    bits = (frame.astype(np.int64) >> (form.high + 1 - form.stored)) & ((1 << form.stored) - 1)
    return np.where(bits >> (form.stored - 1), bits - (1 << form.stored), bits) if form.signed else bits


def frames_by_simpleitk(tags: Tags, form: PixelFormat, indices: range, reason: Exception) -> list[np.ndarray]:
    """Stored values as GDCM decodes them; its inversion of MONOCHROME1 and its rescaling are undone.

    :param reason: why the file came here, told if GDCM fails too.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(tags.path))
    reader.SetImageIO("GDCMImageIO")
    rows, cols = tags.whole("Rows", 0), tags.whole("Columns", 0)
    try:
        image = reader.Execute()
        channels = image.GetNumberOfComponentsPerPixel()
        values = sitk.GetArrayFromImage(image).reshape(-1, rows, cols, *[channels] * (channels > 1))
    except (RuntimeError, ValueError) as error:
        last_line = (str(reason).strip() or type(reason).__name__).splitlines()[-1].strip()
        raise InputError(f"{tags.path} has pixels that cannot be decoded ({last_line}); "
                         "the file is damaged or truncated, export it again.") from error
    if channels == 1:
        slope, intercept = rescaling(tags)
        values = np.rint((values - intercept) / slope).astype(np.int64)
        if form.photometric == "MONOCHROME1":
            values = sum(form.range) - values
    return [values[i] for i in indices]


def rescaling(tags: Tags) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept, (1, 0) if absent."""
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept")
    if slope == 0:
        raise InputError(f"{tags.path} holds RescaleSlope 0, which erases the picture; correct the file.")
    return 1.0 if slope is None else slope, intercept or 0.0


def modality_transform(tags: Tags, form: PixelFormat) -> tuple[Callable, tuple[float, float] | None, bool]:
    """The modality transform, the range of its results, and whether it made the values linear to intensity.

    In XA and XRF the Modality LUT of a LOG image leads back to values linear to beam intensity
    (PS3.3 C.8.7.1.1.2). A VOI LUT is display only and never applied.
    """
    sequence = tags.get("ModalityLUTSequence")
    if sequence:
        return _by_table(tags, form, sequence[0])
    slope, intercept = rescaling(tags)

    def by_line(stored):
        return np.asarray(stored, np.float32) * np.float32(slope) + np.float32(intercept)
    if tags.get("FloatPixelData") is not None or tags.get("DoubleFloatPixelData") is not None:
        return by_line, None, False
    low, high = sorted(v * slope + intercept for v in form.range)
    return by_line, (low, high), False


def not_padding(tags: Tags, transform: Callable, values: np.ndarray) -> np.ndarray:
    """True where values (rows, cols) after the modality transform are picture, not padding (PS3.3 C.7.5.1.1.2)."""
    padding = tags.number("PixelPaddingValue")
    if padding is None:
        return np.ones(values.shape, bool)
    limit = tags.number("PixelPaddingRangeLimit")
    ends = transform(np.array([padding, padding if limit is None else limit], np.float32))
    return (values < ends.min()) | (values > ends.max())


def _by_table(tags: Tags, form: PixelFormat, item: Dataset) -> tuple[Callable, tuple[float, float], bool]:
    table, first = _lookup_table(tags, form, item)

    def look_up(stored):
        return table[np.clip(np.asarray(stored) - first, 0, len(table) - 1).astype(np.int64)]
    straight = np.linspace(table[0], table[-1], len(table))
    curved = np.abs(table - straight).max() > 0.02 * max(np.ptp(table), 1)
    linearized = tags.word("PixelIntensityRelationship") == "LOG" and bool(curved)
    return look_up, (float(table.min()), float(table.max())), linearized


def _lookup_table(tags: Tags, form: PixelFormat, item: Dataset) -> tuple[np.ndarray, int]:
    """The table and the stored value of its first entry (PS3.3 C.11.1.1)."""
    inner = Tags(item, 0, tags.path)
    descriptor, data = inner.numbers("LUTDescriptor"), inner.get("LUTData")
    if len(descriptor) != 3 or data is None:
        raise InputError(f"{tags.path} holds an incomplete Modality LUT; correct the file.")
    entries, first, bits = (int(v) for v in descriptor)
    table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data)
    if len(table) < max(2, entries or 65536):
        raise InputError(f"{tags.path} holds a Modality LUT shorter than it says; correct the file.")
    first -= 65536 if form.signed and first >= 32768 else 0
    return (table.astype(np.int64) & ((1 << bits) - 1)).astype(np.float32), first
