"""Named landmarks: points in the patient (RAS mm) and their pixels in an X-ray, from files, paired by name.

Points in the patient: 3D Slicer markups (.mrk.json, .fcsv), csv, json. Pixels: csv with name,u,v, or json; u right,
v down, integers at pixel centers. A json holds ``{"landmarks": [{"name", "ras" or "lps", "uv"}]}``, a list of such
records under ``"images"``, or simply ``{"name": [x, y, z]}`` and ``{"name": [u, v]}``.
"""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xvrcore.errors import InputError
from xvrcore.pnp import FEWEST_PAIRS

SIGNS = {"RAS": np.array([1, 1, 1.0]), "LPS": np.array([-1, -1, 1.0])}
FCSV_SYSTEMS = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
FCSV_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
NAME_COLUMNS = ("name", "label", "landmark")
SYSTEM_COLUMNS = ("coordinate_system", "coordinatesystem", "frame", "system")
STATE_IT = "say which with columns named r,a,s or l,p,s, or a column coordinate_system holding RAS or LPS"


@dataclass(frozen=True)
class Pairs:
    """Landmarks seen in both: ``points_ras`` (N, 3) in mm and ``pixels`` (N, 2) as (u, v), one row a name."""

    names: tuple[str, ...]
    points_ras: np.ndarray = field(repr=False)
    pixels: np.ndarray = field(repr=False)


def match(points: dict[str, np.ndarray], pixels: dict[str, np.ndarray]) -> Pairs:
    """Pair landmarks by name, in the order of the pixels. Points without a pixel are left out.

    :raises InputError: a pixel names no known point, or there are fewer than four pairs.
    """
    unknown = [name for name in pixels if name not in points]
    if unknown:
        raise InputError(f"The X-ray's landmarks {', '.join(map(repr, unknown))} are not among the patient's: "
                         f"{', '.join(points)}; name them alike.")
    if len(pixels) < FEWEST_PAIRS:
        raise InputError(f"Only {len(pixels)} landmarks are marked in both the patient and the X-ray; "
                         f"mark at least {FEWEST_PAIRS} (5 or more let wrong ones be found).")
    return Pairs(tuple(pixels), np.array([points[name] for name in pixels]), np.array(list(pixels.values())))


def read_points(path: str | Path) -> dict[str, np.ndarray]:
    """Named points in RAS mm, whatever frame the file speaks.

    :raises InputError: unreadable, no points, a name twice, a value that is not a number, or no stated frame.
    """
    path = Path(path)
    text = _text(path)
    if path.name.lower().endswith(".fcsv"):
        found = _fcsv(text, path)
    elif path.suffix.lower() == ".json":
        found = _json_points(_json(text, path), path)
    else:
        found = _csv_points(_rows(text, path), path)
    return _checked(found, 3, path)


def read_pixels(path: str | Path, image: str | None = None) -> dict[str, np.ndarray]:
    """Named pixels (u, v) of one X-ray; those said to lie outside of the image (``in_image``) are left out.

    :param image: which X-ray, where a json holds several.
    :raises InputError: unreadable, no pixels, a name twice, a value that is not a number, or no such image.
    """
    path = Path(path)
    text = _text(path)
    if path.suffix.lower() == ".json":
        content = _json(text, path)
        records = _records(content, image, path)
        if records is None:
            found = _plain(content)
        else:
            found = [(r.get("name"), r["uv"]) for r in records if "uv" in r and r.get("in_image", True)]
    else:
        rows = _rows(text, path)
        _require_columns(rows, ("u", "v"), path)
        found = [(_named(row, path), [row["u"], row["v"]]) for row in rows]
    return _checked(found, 2, path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; give landmarks as .mrk.json, .fcsv, csv or json.") from error


def _checked(found: list[tuple[object, object]], size: int, path: Path) -> dict[str, np.ndarray]:
    result: dict[str, np.ndarray] = {}
    for label, values in found:
        name = str(label or "").strip()
        try:
            numbers = np.array(values, dtype=float)
        except (TypeError, ValueError):
            numbers = np.array([])
        if numbers.shape != (size,) or not np.isfinite(numbers).all():
            raise InputError(f"{path}: landmark {name!r} is {values}; {size} numbers are needed.")
        if not name or name in result:
            raise InputError(f"{path} has {'two landmarks' if name else 'a landmark'} named {name!r}; "
                             "give each its own name.")
        result[name] = numbers
    if not result:
        raise InputError(f"{path} holds no landmarks with {size} coordinates.")
    return result


def _in_ras(values, system: str | None, path: Path):
    """``values`` (x, y, z) turned from a named coordinate system into RAS; left to :func:`_checked` where malformed."""
    if str(system).upper() not in SIGNS:
        stated = f"states the coordinate system {system!r}" if system else "does not say whether it speaks RAS or LPS"
        raise InputError(f"{path} {stated}; {STATE_IT}.")
    try:
        return SIGNS[str(system).upper()] * np.array(values, dtype=float)
    except (TypeError, ValueError):
        return values


def _fcsv(text: str, path: Path) -> list:
    header = dict(line[1:].split("=", 1) for line in text.splitlines() if line.startswith("#") and "=" in line)
    header = {key.strip().lower(): value.strip() for key, value in header.items()}
    system = FCSV_SYSTEMS.get(header.get("coordinatesystem", "").upper())
    columns = [c.strip() for c in header.get("columns", FCSV_COLUMNS).split(",")]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(row.get("label"), _in_ras([row.get(c) for c in "xyz"], system, path))
            for row in csv.DictReader(lines, fieldnames=columns)]


def _rows(text: str, path: Path) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows = [{(key or "").strip().lower(): (value or "").strip() for key, value in row.items() if key is not None}
            for row in csv.DictReader(lines, delimiter=delimiter)]
    if not rows:
        raise InputError(f"{path} holds no landmarks.")
    return rows


def _named(row: dict[str, str], path: Path) -> str:
    column = next((c for c in NAME_COLUMNS if c in row), None)
    if column is None:
        raise InputError(f"{path} has columns {', '.join(row)}; one of them must be called name.")
    return row[column]


def _require_columns(rows: list[dict[str, str]], wanted: tuple[str, ...], path: Path) -> None:
    if not set(wanted) <= set(rows[0]):
        raise InputError(f"{path} has columns {', '.join(rows[0])}; it needs name,{','.join(wanted)}.")


def _csv_points(rows: list[dict[str, str]], path: Path) -> list:
    for system in SIGNS:
        if set(system.lower()) <= set(rows[0]):
            return [(_named(row, path), _in_ras([row[c] for c in system.lower()], system, path)) for row in rows]
    _require_columns(rows, ("x", "y", "z"), path)
    column = next((c for c in SYSTEM_COLUMNS if c in rows[0]), None)
    return [(_named(row, path), _in_ras([row[c] for c in "xyz"], row[column] if column else None, path))
            for row in rows]


def _json(text: str, path: Path):
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}.") from error


def _json_points(content, path: Path) -> list:
    if isinstance(content, dict) and "markups" in content:
        return [(point.get("label"), _in_ras(point.get("position"), point_list.get("coordinateSystem", "LPS"), path))
                for point_list in _objects(content["markups"], path)
                for point in _objects(point_list.get("controlPoints", []), path)
                if point.get("positionStatus", "defined") == "defined"]
    records = _records(content, None, path, any_image=True)
    if records is None:
        return [(name, _in_ras(values, content.get("coordinate_system"), path)) for name, values in _plain(content)]
    return [(r.get("name"), r["ras"] if "ras" in r else _in_ras(r["lps"], "LPS", path))
            for r in records if "ras" in r or "lps" in r]


def _plain(content: dict) -> list:
    return [(name, values) for name, values in content.items() if isinstance(values, list)]


def _records(content, image: str | None, path: Path, any_image: bool = False) -> list[dict] | None:
    """The landmark records of a json, of one image where it holds several; None where it only maps names."""
    if isinstance(content, dict) and "images" in content:
        images = {str(entry.get("image")): _objects(entry.get("landmarks", []), path)
                  for entry in _objects(content["images"], path)}
        if any_image:
            return list({r.get("name"): r for records in images.values() for r in records}.values())
        name = image if image is not None or len(images) > 1 else next(iter(images), None)
        if name not in images:
            raise InputError(f"{path} holds the landmarks of {', '.join(images)}; say of which image to take them"
                             + (f", not of {image!r}." if image else "."))
        return images[name]
    if isinstance(content, dict) and "landmarks" in content:
        content = content["landmarks"]
    if isinstance(content, list):
        return _objects(content, path)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no landmarks; give an object with them under \"landmarks\".")
    return None


def _objects(content, path: Path) -> list[dict]:
    """``content`` if it is a list of objects."""
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise InputError(f"{path} holds {json.dumps(content)[:60]} where a list of objects is due; save it again.")
    return content
