"""The DICOM series of a CT or MR: which one a folder holds, in what order its slices stand, and where.

Positions come from Image Position and Image Orientation (Patient), DICOM PS3.3 C.7.6.2, never from file names,
instance numbers or Spacing Between Slices. A tilted gantry gives a sheared grid, which is kept as it is.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from xvrcore import rigid
from xvrcore.dicom_tags import DAMAGE, Tags, is_dicom
from xvrcore.errors import InputError

VOLUME_MODALITIES = ("CT", "MR")
SAME_POSITION_MM = 0.01
UNEVEN_STEP = 0.05
"""Slices may stand this share of their spacing away from an even ladder."""
NOTICED_TILT_DEG = 0.1
SAME_DIRECTION = 1e-3
PLACE = {"ImagePositionPatient": ("Image Position (Patient)", 3),
         "ImageOrientationPatient": ("Image Orientation (Patient)", 6), "PixelSpacing": ("Pixel Spacing", 2)}
"""What every slice states of its place: keyword, name, and how many numbers."""
TAGS = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "SeriesNumber", "Modality", "Rows",
        "Columns", "NumberOfFrames", *PLACE, "RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence"]


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


def find_series(path: Path) -> Series:
    """The CT or MR series of a folder (and its subfolders), or the one that the file ``path`` belongs to.

    :raises InputError: there is none, several are equally large, or its slices do not form one even grid.
    """
    if path.name == "DICOMDIR":
        path = path.parent
    groups, unreadable = _grouped(sorted(path.rglob("*") if path.is_dir() else path.parent.iterdir()))
    if path.is_file():
        groups = [g for g in groups if any(path == tags.path for tags in g)]
    if not groups:
        raise InputError(f"{path} holds no DICOM image; give a folder with a CT or MR series, or a NIfTI, NRRD or "
                         "MHA file.")
    chosen = _choose(groups, path)
    first = chosen[0]
    slices, copies = _slices(chosen)
    ordered, ras_from_ijk, notes = _stack(slices, _name(first), path)
    if copies:
        notes.append(f"{path.name}: {copies} copies of slices were left out.")
    if unreadable:
        notes.append(f"{path.name}: {unreadable} damaged DICOM files were left out.")
    others = len([g for g in groups if g is not chosen])
    if others:
        notes.append(f"{path.name} holds {others} more series; {_name(first)} with {len(ordered)} slices was taken.")
    return Series(tuple(ordered), ras_from_ijk, first.word("Modality"), tuple(notes))


def _grouped(files) -> tuple[list[list[Tags]], int]:
    """The headers of files, grouped by series, size and orientation; and how many could not be read."""
    groups: dict[tuple, list[Tags]] = {}
    unreadable = 0
    for file in files:
        if not is_dicom(file):
            continue
        try:
            tags = Tags(pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS), 0, file)
            key = (str(tags.get("SeriesInstanceUID")), tags.whole("Rows", 0), tags.whole("Columns", 0))
            direction = (*tags.numbers("ImageOrientationPatient"), *[0.0] * 6)[:6]
            has_image = bool(key[1] and _frames(tags))
        except DAMAGE:
            unreadable += 1
            continue
        if not has_image:
            continue
        for (uid_and_size, other), group in groups.items():
            if uid_and_size == key and np.abs(np.subtract(other, direction)).max() < SAME_DIRECTION:
                group.append(tags)
                break
        else:
            groups[key, direction] = [tags]
    return list(groups.values()), unreadable


def _frames(tags: Tags) -> int:
    return tags.whole("NumberOfFrames", 1)


def _name(tags: Tags) -> str:
    return f"series {tags.get('SeriesNumber') or '?'} \"{tags.get('SeriesDescription') or ''}\""


def _choose(groups: list[list[Tags]], path: Path) -> list[Tags]:
    """The group with the most slices of CT or MR (else of any modality, such as a C-arm's own 3-D image)."""
    def count(group):
        return sum(map(_frames, group))

    def listed(some):
        return "; ".join(f"{_name(g[0])} ({g[0].word('Modality') or '?'}, {count(g)} images)" for g in some)

    wanted = [g for g in groups if g[0].word("Modality") in VOLUME_MODALITIES] or groups
    most = max(count(g) for g in wanted)
    best = [g for g in wanted if count(g) == most]
    if most < 2:
        raise InputError(f"{path} holds no series of slices, only {listed(groups)}; a CT or MR volume is needed.")
    if len(best) > 1:
        raise InputError(f"{path} holds several series of {most} images: {listed(best)}; "
                         "give one file of the series that is meant.")
    return best[0]


def _slices(group: list[Tags]) -> tuple[list[Slice], int]:
    """All planes of a group, and how many copies of the same object were left out."""
    objects = {str(tags.get("SOPInstanceUID") or tags.path): tags for tags in reversed(group)}
    return [plane for tags in objects.values() for plane in _planes(tags)], len(group) - len(objects)


def _planes(tags: Tags) -> list[Slice]:
    """The planes of one file: a single one, or the frames of an enhanced multi-frame object (C.7.6.16)."""
    count = _frames(tags)
    if count != len(tags.get("PerFrameFunctionalGroupsSequence") or [tags]):
        raise InputError(f"{tags.path} is a {tags.word('Modality')} image of {count} frames without positions, "
                         "not a CT or MR volume.")
    planes = []
    for number in range(count):
        frame = Tags(tags.dataset, number, tags.path)
        found = {keyword: frame.numbers(keyword) for keyword in PLACE}
        for keyword, (name, size) in PLACE.items():
            if len(found[keyword]) != size:
                raise InputError(f"{tags.path} ({tags.word('Modality') or '?'}) lacks {name}: it is not a slice of a "
                                 "CT or MR volume; export the original series.")
        position, orientation, spacing = found.values()
        rescale = frame.number("RescaleSlope") or 1.0, frame.number("RescaleIntercept") or 0.0
        planes.append(Slice(tags.path, number, np.array(position), np.array(orientation), spacing, rescale))
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
