"""CT, MR and label volumes from files: NIfTI, NRRD, MetaImage or a folder of DICOM slices, left where they stand.

Files are read through SimpleITK, whose world is LPS; positions become RAS here and nowhere else.
"""

import gzip
import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xvrcore import dicom_series, rigid
from xvrcore.dicom_tags import is_dicom, without_remarks
from xvrcore.errors import InputError
from xvrcore.volume import Volume, sampled

MODALITIES = {"ct": "HU", "mr": "MR"}
FAT_HU = -50
"""Where at least ``FAT_SHARE`` of a volume (air, lung, fat) lies below this it is a CT: an MR has no such values."""
FAT_SHARE = 0.01
NIFTI_DISAGREEMENT_MM = 0.1
DETACHED_DATA = {".mhd": rb"^ElementDataFile\s*=\s*(.+?)\s*$", ".nhdr": rb"^data ?file:\s*(.+?)\s*$"}


@dataclass(frozen=True)
class Grid:
    """What a file holds: ``values`` [k, j, i] or [k, j, i, component] as stored, and where its voxels are."""

    values: np.ndarray
    ras_from_ijk: np.ndarray
    sha256: str
    notes: tuple[str, ...] = ()
    dicom_modality: str = ""


def read_volume(path: str | Path, modality: str = "auto") -> Volume:
    """Read a CT (quantity "HU") or an MR ("MR") volume; values float32 [k, j, i], world RAS in mm.

    :param path: a NIfTI, NRRD or MetaImage file, a folder with a DICOM series, or any one file of that series.
    :param modality: "ct", "mr", or "auto": by the DICOM header, else by the range of values; ``notes`` of the
        result say which was taken.
    :raises InputError: missing, damaged, of another kind, not 3-D, constant, or holding values that are not numbers.
    """
    path = Path(path)
    if modality not in ("auto", *MODALITIES):
        raise InputError(f"There is no modality {modality!r}; choose auto, ct or mr.")
    grid = read_grid(path)
    _require_scalar(grid.values, path)
    values = _usable(grid.values.astype(np.float32, copy=False), path)
    quantity, note = _quantity(values, modality, grid.dicom_modality, path)
    return Volume(values, grid.ras_from_ijk, quantity, path, grid.sha256, (*grid.notes, note))


def read_grid(path: Path) -> Grid:
    """The raw content of a volume file or DICOM series.

    :raises InputError: the path does not exist, cannot be read, or is not a single 3-D grid.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    if path.is_dir() or is_dicom(path):
        with without_remarks():
            series = dicom_series.find_series(path)
        with _said_plainly(path):
            values = series.read_values()
        return Grid(values, series.ras_from_ijk, sha256_of(series.files), series.notes, series.modality)
    with _said_plainly(path):
        image, notes = _read_image(path)
    ras_from_ijk = rigid.RAS_FROM_LPS @ _lps_from_ijk(image)
    return Grid(sitk.GetArrayFromImage(image), ras_from_ijk, sha256_of(_files_of(path)), notes)


def sha256_of(paths) -> str:
    """SHA-256 (hex) of one or several files' content, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


@contextmanager
def _said_plainly(path: Path):
    """Silence ITK's warnings (what matters is checked here), and turn its failures into one line."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "orthonormal" in text:
            raise InputError(f"{path} has axes that are not perpendicular (a sheared sform); resample it "
                             "onto a grid with perpendicular axes.") from error
        if "Unable to determine ImageIO reader" in text and path.is_file() and not is_dicom(path):
            raise InputError(f"{path} is not in a known format; give NIfTI, NRRD, MHA or a folder with "
                             "a DICOM series.") from error
        raise InputError(f"{path} cannot be read: it is damaged, truncated, or its data file is missing.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read_image(path: Path) -> tuple[sitk.Image, tuple[str, ...]]:
    """The image, its trailing axes of length one dropped, and notes about its header."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = list(reader.GetSize())
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    if len(size) > 3:
        raise InputError(f"{path} is {len(size)}-D ({' x '.join(map(str, size))}); choose one 3-D volume out of it.")
    if len(size) < 3 or min(size) < 2:
        raise InputError(f"{path} is a 2-D image ({' x '.join(map(str, size))}); a CT or MR volume needs at least "
                         "two slices. Give X-rays with --xray.")
    notes = _check_nifti(reader, path) if "srow_x" in reader.GetMetaDataKeys() else ()
    reader.SetExtractSize(size + [0] * (reader.GetDimension() - 3))
    return reader.Execute(), notes


def _lps_from_ijk(image: sitk.Image) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _check_nifti(reader: sitk.ImageFileReader, path: Path) -> tuple[str, ...]:
    """Notice what ITK passes over in silence: a truncated file, and an sform that contradicts the qform.

    :raises InputError: the file holds fewer bytes than its header promises (ITK would fill up with zeros).
    """
    tag = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    size = np.array(reader.GetSize()[:3])
    bytes_due = int(float(tag["vox_offset"])) + int(np.prod(reader.GetSize(), dtype=np.int64)) * int(tag["bitpix"]) // 8
    data_file = _files_of(path)[-1]
    if _bytes_in(data_file, bytes_due) < bytes_due:
        raise InputError(f"{data_file} is truncated: its header promises {bytes_due} bytes; copy the file again.")
    if int(tag["sform_code"]) == 0 or int(tag["qform_code"]) == 0:
        return ()
    sform = np.array([[float(x) for x in tag[f"srow_{row}"].split()] for row in "xyz"])
    lps_from_ijk = np.eye(4)
    lps_from_ijk[:3, :3] = np.reshape(reader.GetDirection(), (-1, reader.GetDimension()))[:3, :3] \
        * reader.GetSpacing()[:3]
    lps_from_ijk[:3, 3] = reader.GetOrigin()[:3]
    corners = np.stack(np.meshgrid(*[[0, n - 1] for n in size]), -1).reshape(-1, 3)
    taken = rigid.apply(rigid.RAS_FROM_LPS @ lps_from_ijk, corners)
    apart = np.linalg.norm(corners @ sform[:, :3].T + sform[:, 3] - taken, axis=1).max()
    if apart < NIFTI_DISAGREEMENT_MM:
        return ()
    return (f"{path.name}: its sform and qform disagree by up to {apart:.3g} mm; "
            "the qform was taken, as 3D Slicer does.",)


def _bytes_in(path: Path, bytes_due: int) -> int:
    """Bytes of a file's content, unpacked where it is gzip: by its trailer, counted only where that falls short."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.stat().st_size
        file.seek(-4, 2)
        if int.from_bytes(file.read(4), "little") == bytes_due % 2**32:
            return bytes_due
    count = 0
    try:
        with gzip.open(path) as content:
            while block := content.read(1 << 20):
                count += len(block)
    except (EOFError, gzip.BadGzipFile):
        return 0
    return count


def _files_of(path: Path) -> list[Path]:
    """A header and the data file it points to, or the one file that is both."""
    suffix = path.suffix.lower()
    if suffix in (".hdr", ".img"):
        pair = [path.with_suffix(".hdr"), path.with_suffix(".img")]
        return pair if all(p.exists() for p in pair) else [path]
    if suffix in DETACHED_DATA:
        found = re.search(DETACHED_DATA[suffix], path.read_bytes(), re.MULTILINE | re.IGNORECASE)
        data = path.parent / found[1].decode(errors="replace") if found else path
        return [path, data] if data != path and data.is_file() else [path]
    return [path]


def _require_scalar(values: np.ndarray, path: Path) -> None:
    if values.ndim != 3:
        raise InputError(f"{path} has {values.shape[-1]} values in each voxel (a color, vector or 4-D image); "
                         "choose one scalar volume out of it.")
    if np.iscomplexobj(values):
        raise InputError(f"{path} holds complex numbers; save their magnitude as a volume and give that.")


def _usable(values: np.ndarray, path: Path) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        count = values.size - np.count_nonzero(np.isfinite(values))
        raise InputError(f"{path} holds {count} voxels that are not numbers (NaN or infinite); "
                         "replace them by the value of air.")
    if low == high:
        raise InputError(f"{path} is constant (every voxel is {low:g}): there is nothing to register.")
    return values


def _quantity(values: np.ndarray, modality: str, dicom_modality: str, path: Path) -> tuple[str, str]:
    """("HU" or "MR", the sentence that says why)."""
    if modality != "auto":
        return MODALITIES[modality], f"{path.name} was taken as {modality.upper()}, as asked for."
    if dicom_modality.lower() in MODALITIES:
        return MODALITIES[dicom_modality.lower()], f"{path.name} is {dicom_modality} by its DICOM header."
    share = float(np.mean(sampled(values) < FAT_HU))
    if share >= FAT_SHARE:
        return "HU", f"{path.name} was taken as CT: {100 * share:.0f} % of it is below {FAT_HU} HU."
    return "MR", (f"{path.name} was taken as MR: only {100 * share:.2g} % of it is below {FAT_HU}, as air and fat "
                  "are in a CT; if it is one, give --modality ct.")
