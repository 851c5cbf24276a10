"""The DICOM series of a CT or MR: which one a folder holds, in what order its slices stand, and where.

Positions come from Image Position and Image Orientation (Patient), DICOM PS3.3 C.7.6.2, never from file names,
instance numbers or Spacing Between Slices. A tilted gantry gives a sheared grid, which is kept as it is.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError

from xvrcore import rigid
from xvrcore.errors import InputError

VOLUME_MODALITIES = ("CT", "MR")
SAME_POSITION_MM = 0.01
UNEVEN_STEP = 0.05
"""Slices may stand this share of their spacing away from an even ladder."""
NOTICED_TILT_DEG = 0.1
SAME_DIRECTION = 1e-3
TAGS = ["SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "SeriesNumber", "Modality", "Rows", "Columns",
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "NumberOfFrames", "RescaleSlope",
        "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]


@dataclass(frozen=True)
class Slice:
    """One plane: its file, its frame in there, and its place in LPS mm."""

    file: Path
    frame: int
    position: np.ndarray
    orientation: np.ndarray
    spacing_mm: tuple[float, float]
    rescale: tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Slices in the order of their positions, and the grid they form."""

    slices: tuple[Slice, ...] = field(repr=False)
    ras_from_ijk: np.ndarray
    modality: str
    notes: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        return list(dict.fromkeys(s.file for s in self.slices))

    def read_values(self) -> np.ndarray:
        """Rescaled values [k, j, i]."""
        if any(s.frame for s in self.slices):
            frames = {file: sitk.GetArrayFromImage(sitk.ReadImage(str(file))) for file in self.files}
            return np.stack([frames[s.file][s.frame] for s in self.slices])
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames([str(f) for f in self.files])
        if len({s.rescale for s in self.slices}) > 1:     # else the first slice's type would round the others
            reader.SetOutputPixelType(sitk.sitkFloat32)
        return sitk.GetArrayFromImage(reader.Execute())


def is_dicom(path: Path) -> bool:
    """Whether a file carries DICOM's mark (PS3.10: "DICM" after 128 bytes)."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def find_series(path: Path) -> Series:
    """The CT or MR series of a folder (and its subfolders), or the one that the file ``path`` belongs to.

    :raises InputError: there is none, several are equally large, or its slices do not form one even grid.
    """
    if path.name == "DICOMDIR":
        path = path.parent
    groups, unreadable = _grouped(sorted(path.rglob("*") if path.is_dir() else path.parent.iterdir()))
    if path.is_file():
        groups = [g for g in groups if any(path == f for f, _ in g)]
    if not groups:
        raise InputError(f"{path} holds no DICOM image; give a folder with a CT or MR series, or a NIfTI, NRRD or "
                         "MHA file.")
    chosen = _choose(groups, path)
    header = chosen[0][1]
    slices, copies = _slices(chosen, path)
    ordered, ras_from_ijk, notes = _stack(slices, _name(header), path)
    if copies:
        notes.append(f"{path.name}: {copies} copies of slices were left out.")
    if unreadable:
        notes.append(f"{path.name}: {unreadable} damaged DICOM files were left out.")
    others = len([g for g in groups if g is not chosen])
    if others:
        notes.append(f"{path.name} holds {others} more series; {_name(header)} with {len(ordered)} slices was taken.")
    return Series(tuple(ordered), ras_from_ijk, str(header.get("Modality", "")), tuple(notes))


def _grouped(files) -> tuple[list[list[tuple[Path, pydicom.Dataset]]], int]:
    """Files with their headers, grouped by series, size and orientation; and how many could not be read."""
    groups: dict[tuple, list] = {}
    unreadable = 0
    for file in files:
        if not is_dicom(file):
            continue
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS)
        except (InvalidDicomError, EOFError, ValueError, struct.error):
            unreadable += 1
            continue
        if "Rows" not in header:
            continue
        key = (header.get("SeriesInstanceUID"), header.Rows, header.Columns)
        direction = np.array(header.get("ImageOrientationPatient") or np.zeros(6), float)
        for (uid_and_size, other), group in groups.items():
            if uid_and_size == key and np.abs(np.subtract(other, direction)).max() < SAME_DIRECTION:
                group.append((file, header))
                break
        else:
            groups[key, tuple(direction)] = [(file, header)]
    return list(groups.values()), unreadable


def _frames(header: pydicom.Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _name(header: pydicom.Dataset) -> str:
    return f"series {header.get('SeriesNumber', '?')} \"{header.get('SeriesDescription', '')}\""


def _choose(groups: list, path: Path) -> list:
    """The group with the most slices of CT or MR (else of any modality, such as a C-arm's own 3-D image)."""
    def count(group):
        return sum(_frames(header) for _, header in group)

    def listed(some):
        return "; ".join(f"{_name(g[0][1])} ({g[0][1].get('Modality', '?')}, {count(g)} images)" for g in some)

    wanted = [g for g in groups if g[0][1].get("Modality") in VOLUME_MODALITIES] or groups
    most = max(count(g) for g in wanted)
    best = [g for g in wanted if count(g) == most]
    if most < 2:
        raise InputError(f"{path} holds no series of slices, only {listed(groups)}; a CT or MR volume is needed.")
    if len(best) > 1:
        raise InputError(f"{path} holds several series of {most} images: {listed(best)}; "
                         "give one file of the series that is meant.")
    return best[0]


def _slices(group: list, path: Path) -> tuple[list[Slice], int]:
    """All planes of a group, and how many copies of the same object were left out."""
    objects = {header.get("SOPInstanceUID", str(file)): (file, header) for file, header in reversed(group)}
    slices = [s for file, header in objects.values() for s in _planes(file, header)]
    return slices, len(group) - len(objects)


def _planes(file: Path, header: pydicom.Dataset) -> list[Slice]:
    """The planes of one file: a single one, or the frames of an enhanced multi-frame object (C.7.6.16)."""
    shared = header.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    frames = header.get("PerFrameFunctionalGroupsSequence") or [pydicom.Dataset()]
    if len(frames) != _frames(header):
        raise InputError(f"{file} is a {header.get('Modality', '')} image of {_frames(header)} frames without "
                         "positions, not a CT or MR volume.")

    def value(tag, sequence, frame):
        for groups in (frame, shared[0]):
            if sequence in groups and tag in groups[sequence].value[0]:
                return groups[sequence].value[0][tag].value
        return header.get(tag)

    planes = []
    for number, frame in enumerate(frames):
        position = value("ImagePositionPatient", "PlanePositionSequence", frame)
        orientation = value("ImageOrientationPatient", "PlaneOrientationSequence", frame)
        spacing = value("PixelSpacing", "PixelMeasuresSequence", frame)
        for tag, found in (("Image Position (Patient)", position), ("Image Orientation (Patient)", orientation),
                           ("Pixel Spacing", spacing)):
            if not found:
                raise InputError(f"{file} ({header.get('Modality', '?')}) lacks {tag}: it is not a slice of a CT or MR "
                                 "volume; export the original series.")
        slope, intercept = (value(tag, "PixelValueTransformationSequence", frame)
                            for tag in ("RescaleSlope", "RescaleIntercept"))
        planes.append(Slice(file, number, np.array(position, float), np.array(orientation, float),
                            (float(spacing[0]), float(spacing[1])), (float(slope or 1), float(intercept or 0))))
    return planes


def _stack(slices: list[Slice], name: str, path: Path) -> tuple[list[Slice], np.ndarray, list[str]]:
    """Slices ordered along their normal, ``ras_from_ijk``, and notes; refuses what is not one even ladder."""
    name = f"{path}: {name}"
    if len({s.spacing_mm for s in slices}) > 1:
        raise InputError(f"{name} mixes pixel spacings {sorted({s.spacing_mm for s in slices})}; export one of them.")
    right, down = slices[0].orientation.reshape(2, 3)
    normal = np.cross(right, down)
    slices = sorted(slices, key=lambda s: s.position @ normal)
    positions = np.array([s.position for s in slices])
    along = positions @ normal
    steps = np.diff(along)
    if len(slices) < 2 or not np.isclose(np.linalg.norm(normal), 1, atol=SAME_DIRECTION):
        raise InputError(f"{name} has {len(slices)} slices and directions {slices[0].orientation.tolist()}; "
                         "a volume needs at least two slices and perpendicular axes.")
    if steps.min() < SAME_POSITION_MM:
        repeated = sum(n - 1 for n in Counter(np.round(along / SAME_POSITION_MM)).values()) or 1
        raise InputError(f"{name} has {repeated} slices at places already taken (several phases or echoes in one "
                         "series); export a single one.")
    step = float(np.median(steps))
    worst = int(np.abs(steps - step).argmax())
    if abs(steps[worst] - step) > UNEVEN_STEP * step:
        raise InputError(f"{name} is uneven: {steps[worst]:.4g} mm between its slices {worst + 1} and {worst + 2}, "
                         f"{step:.4g} mm elsewhere. Is a slice missing? Export it again, or resample it evenly.")
    ladder = np.polynomial.polynomial.polyfit(np.arange(len(slices)), positions, 1)
    if np.abs(positions - ladder[0] - np.arange(len(slices))[:, None] * ladder[1]).max() > UNEVEN_STEP * step:
        raise InputError(f"{name} has slices that do not stand on one line; resample it onto an even grid.")
    lps_from_ijk = np.eye(4)
    lps_from_ijk[:3, :3] = np.column_stack([right * slices[0].spacing_mm[1], down * slices[0].spacing_mm[0],
                                            ladder[1]])
    lps_from_ijk[:3, 3] = ladder[0]
    tilt = np.rad2deg(np.arccos(np.clip(ladder[1] @ normal / np.linalg.norm(ladder[1]), -1, 1)))
    notes = [f"{path.name} was taken with a gantry tilt of {tilt:.3g} degrees; its grid is kept sheared."] \
        if tilt > NOTICED_TILT_DEG else []
    return slices, rigid.RAS_FROM_LPS @ lps_from_ijk, notes
