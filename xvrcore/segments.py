"""Label maps with the names and colors of their segments, on the grid of the volume they belong to.

Names and colors come from the file itself (Slicer's .seg.nrrd), from a table beside or apart from it (csv or tsv,
ITK-SNAP label description, Slicer color table .ctbl), else they are made up: "Segment 3".
"""

import colorsys
import csv
import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.volume import Volume
from xvrcore.volume_io import read_grid

SAME_GRID_MM = 1e-2
VALUE_COLUMNS = ("id", "label", "value", "index", "labelvalue")
NAME_COLUMNS = ("structure", "name", "segment", "label_name")
COLOR_COLUMNS = (("r", "g", "b"), ("red", "green", "blue"))
ITK_SNAP_LINE = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\S+\s+\S+\s+\S+\s+"(.*)"\s*$')
GOLDEN_ANGLE = 0.61803398875
MOST_NAMES = 12
"""In a message."""


@dataclass(frozen=True)
class Segment:
    """One structure: its value in the label map, its name, and its color (red, green, blue in 0..1)."""

    value: int
    name: str
    color: tuple[float, float, float]


@dataclass(frozen=True)
class Segmentation:
    """A label map (quantity "labels") and its segments, in the order of their values."""

    labels: Volume
    segments: tuple[Segment, ...]

    @cached_property
    def boxes(self) -> list:
        """By label value, counted from 1: the slices [k, j, i] that it lies in, None where it has no voxel."""
        return ndimage.find_objects(self.labels.values)

    def values_of(self, names) -> list[int]:
        """The label values of segments by name (case does not matter).

        :raises InputError: a name is unknown.
        """
        by_name: dict[str, list[int]] = {}
        for segment in self.segments:
            by_name.setdefault(segment.name.casefold(), []).append(segment.value)
        unknown = [name for name in names if name.strip().casefold() not in by_name]
        if unknown:
            raise InputError(f"{self.labels.path or 'The segmentation'} has no segment "
                             f"{', '.join(map(repr, unknown))}; it has {_listed([s.name for s in self.segments])}.")
        return [value for name in names for value in by_name[name.strip().casefold()]]


def _listed(names: list[str]) -> str:
    left = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def read_segmentation(path: str | Path, names: str | Path | None = None) -> Segmentation:
    """Read a label map and what its segments are called.

    :param names: a table of names (and colors); without it the file's own, else a table of the same stem beside it.
    :raises InputError: the file is not a label map, or the table cannot be understood.
    """
    path = Path(path)
    grid = read_grid(path)
    own = _slicer_segments(path)
    if grid.values.ndim == 4:
        values, own = _flattened(grid.values, own, path)
    else:
        values, own = grid.values, {entry.value: entry for entry in own.values()}
    labels = Volume(_whole_labels(values, path), grid.ras_from_ijk, "labels", path, grid.sha256, grid.notes)
    table = Path(names) if names else _sidecar(path)
    known = {**own, **(read_names(table) if table else {})}
    present = np.flatnonzero(np.bincount(labels.values.ravel()))
    segments = tuple(known.get(v) or Segment(v, f"Segment {v}", color_of(v)) for v in present.tolist() if v)
    return Segmentation(labels, segments)


def _whole_labels(values: np.ndarray, path: Path) -> np.ndarray:
    """``values`` of a label map in the smallest unsigned integer type that holds them; 0 is the background.

    :raises InputError: they are not whole numbers from 0 to 65535, or all are 0.
    """
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= np.iinfo(np.uint16).max):
        raise InputError(f"{path} holds values from {low:g} to {high:g}; "
                         "a label map has whole numbers from 0 to 65535.")
    labels = values.astype(np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16)
    if values.dtype.kind == "f" and not np.array_equal(labels, values):
        raise InputError(f"{path} holds fractions: it is not a label map (was it resampled with interpolation?).")
    if high == 0:
        raise InputError(f"{path} is empty: all of its labels are 0.")
    return labels


def color_of(value: int) -> tuple[float, float, float]:
    """A color for a label, far from its neighbors': golden-angle steps of the hue, alternating brightness."""
    return colorsys.hsv_to_rgb((value * GOLDEN_ANGLE) % 1, (0.85, 0.6)[value % 2], (1.0, 0.85)[value // 2 % 2])


def _flattened(values: np.ndarray, own: dict, path: Path) -> tuple[np.ndarray, dict[int, Segment]]:
    """One label map out of the layers of a .seg.nrrd; where segments overlap, the later layer is on top."""
    if not own:
        raise InputError(f"{path} has {values.shape[-1]} values in each voxel and names no segments; "
                         "save it as a single label map.")
    flat = np.zeros(values.shape[:3], np.uint16)
    segments = {}
    for number, ((layer, value), segment) in enumerate(sorted(own.items()), 1):
        if layer >= values.shape[-1]:
            raise InputError(f"{path} has {values.shape[-1]} layers, but {segment.name} is in layer {layer}; "
                             "save it again.")
        flat[values[..., layer] == value] = number
        segments[number] = replace(segment, value=number)
    return flat, segments


def _slicer_segments(path: Path) -> dict[tuple[int, int], Segment]:
    """By (layer, label value), what the header of a .seg.nrrd says; empty for other files."""
    if path.is_dir() or path.suffix.lower() not in (".nrrd", ".nhdr"):
        return {}
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    tags = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    found = {}
    for key, name in tags.items():
        if not (match := re.fullmatch(r"Segment(\d+)_Name", key)):
            continue
        prefix = f"Segment{match[1]}_"
        value = int(tags.get(prefix + "LabelValue", int(match[1]) + 1))
        color = tuple(float(x) for x in tags.get(prefix + "Color", "").split())
        found[int(tags.get(prefix + "Layer", 0)), value] = \
            Segment(value, name, color if len(color) == 3 else color_of(value))
    return found


def _sidecar(path: Path) -> Path | None:
    """A table of the same stem beside the label map."""
    stem = re.sub(r"(\.seg)?\.(nii\.gz|\w+)$", "", path.name, flags=re.IGNORECASE)
    candidates = [path.parent / (stem + suffix) for suffix in (".csv", ".tsv", ".ctbl", ".label", ".txt")]
    return next((c for c in candidates if c.is_file()), None)


def read_names(path: str | Path) -> dict[int, Segment]:
    """Segments by label value from a csv, tsv, ITK-SNAP (.label, .txt) or Slicer (.ctbl, .txt) table.

    :raises InputError: missing, or no line of it pairs a number with a name.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; give a csv, tsv, ctbl or ITK-SNAP label table.") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    read = _read_columns if path.suffix.lower() in (".csv", ".tsv") else _read_lines
    found = read(lines, path)
    if not found:
        raise InputError(f"{path} names no segments; give a table with columns such as label,name,r,g,b.")
    return {segment.value: segment for segment in found}


def _read_columns(lines: list[str], path: Path) -> list[Segment]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=lines[0].count) if lines else ","
    rows = [{(key or "").strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(value, str)}
            for row in csv.DictReader(lines, delimiter=delimiter)]
    columns = list(rows[0]) if rows else []
    value_column = next((c for c in VALUE_COLUMNS if c in columns), None)
    name_column = next((c for c in NAME_COLUMNS if c in columns), None)
    if value_column is None or name_column is None:
        raise InputError(f"{path} has columns {', '.join(columns) or 'none'}; it needs a number (one of "
                         f"{', '.join(VALUE_COLUMNS)}) and a name (one of {', '.join(NAME_COLUMNS)}).")
    colors = next((c for c in COLOR_COLUMNS if set(c) <= set(columns)), None)
    try:
        return [_segment(row[value_column], row[name_column], [row[c] for c in colors] if colors else None)
                for row in rows if row.get(value_column)]
    except ValueError as error:
        raise InputError(f"{path} holds a label or color that is not a number ({error}).") from error


def _read_lines(lines: list[str], path: Path) -> list[Segment]:
    """ITK-SNAP's ``id r g b alpha visible mesh "name"`` and Slicer's ``id name r g b a``, colors 0 to 255."""
    found = []
    for line in lines:
        if match := ITK_SNAP_LINE.match(line):
            found.append(_segment(match[1], match[5], match.group(2, 3, 4)))
            continue
        words = line.split()
        try:
            found.append(_segment(words[0], " ".join(words[1:-4]).replace("_", " "), words[-4:-1]))
        except (ValueError, IndexError) as error:
            raise InputError(f"{path} has a line that is neither of ITK-SNAP nor of a Slicer color table: "
                             f"{line.strip()!r}.") from error
    return [segment for segment in found if segment.value]


def _segment(value: str, name: str, color) -> Segment:
    number = int(value)
    if not color or not all(color):
        return Segment(number, name, color_of(number))
    parts = [float(c) for c in color]
    scale = 255 if max(parts) > 1 else 1
    return Segment(number, name, tuple(part / scale for part in parts))


def _corners_ras(volume: Volume) -> np.ndarray:
    ends = [(-0.5, n - 0.5) for n in volume.values.shape[::-1]]
    return rigid.apply(volume.ras_from_ijk, np.array(list(product(*ends))))


def match_grid(segmentation: Segmentation, reference: Volume) -> Segmentation:
    """The segmentation on the grid of ``reference``: as it is, or resampled (nearest) from another grid.

    :raises InputError: no segment lies within the reference (another patient, or another world frame).
    """
    labels = segmentation.labels
    if labels.values.shape == reference.values.shape and \
            np.abs(_corners_ras(labels) - _corners_ras(reference)).max() < SAME_GRID_MM:
        return segmentation
    labels_from_reference = np.linalg.inv(labels.ras_from_ijk) @ reference.ras_from_ijk
    values = np.zeros(reference.values.shape, labels.values.dtype)
    to_kji = labels_from_reference[:3, :3][::-1, ::-1]
    ndimage.affine_transform(labels.values, to_kji, labels_from_reference[:3, 3][::-1], order=0, output=values,
                             output_shape=values.shape, mode="constant", cval=0)
    if not values.any():
        raise InputError(f"{labels.path or 'The segmentation'} does not lie in the volume: it spans "
                         f"{_span(labels)}, the volume {_span(reference)} (RAS mm); "
                         "give the segmentation of this very volume.")
    return Segmentation(replace(labels, values=values, ras_from_ijk=reference.ras_from_ijk), segmentation.segments)


def _span(volume: Volume) -> str:
    corners = _corners_ras(volume)
    return " x ".join(f"{low:.0f}..{high:.0f}" for low, high in zip(corners.min(0), corners.max(0), strict=True))


def restrict_to(attenuation: Volume, segmentation: Segmentation, names, margin_mm: float = 2.0) -> Volume:
    """Attenuation of the named segments only, with ``margin_mm`` around them; 0 elsewhere.

    :raises InputError: a name is unknown, or the segments do not lie in the volume.
    """
    chosen = segmentation.values_of(names)
    labels = match_grid(segmentation, attenuation).labels.values
    kept = np.isin(np.arange(int(labels.max()) + 1), chosen)[labels]
    if not kept.any():
        raise InputError(f"None of {', '.join(names)} lies in the volume; choose other segments.")
    values = np.zeros_like(attenuation.values)
    pad = np.ceil(margin_mm / attenuation.spacing_mm[::-1]).astype(int)
    box = tuple(slice(max(0, extent.start - more), extent.stop + more)
                for extent, more in zip(ndimage.find_objects(kept.view(np.uint8))[0], pad, strict=True))
    inside = kept[box]
    if margin_mm > 0:
        inside = ndimage.distance_transform_edt(~inside, sampling=attenuation.spacing_mm[::-1]) <= margin_mm
    values[box] = np.where(inside, attenuation.values[box], 0)
    return replace(attenuation, values=values)
