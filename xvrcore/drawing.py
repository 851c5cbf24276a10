"""Named lines and marks drawn on pictures, with pillow: outlines of segments, landmarks, a legend."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FINER = 2
"""Lines are drawn on a picture so many times finer, and averaged."""
LONGEST_NAME = 28
CASING, LANDMARK = (0, 0, 0, 150), (255, 210, 60)
PANEL, PANEL_TEXT = (18, 20, 24), (225, 228, 232)


@dataclass(frozen=True)
class NamedLines:
    """Closed polylines (N, 2) of (u, v) in the picture's pixels, one name and RGB color (0..255) for all."""

    name: str
    color: tuple[int, int, int]
    polylines: tuple[np.ndarray, ...]


def draw_outlines(picture: np.ndarray, outlines: tuple[NamedLines, ...]) -> np.ndarray:
    """Outlines with their names on an RGB picture, and to its right a legend of those that can be seen."""
    rows, cols = picture.shape[:2]
    seen = [o for o in outlines if any(len(line) for line in o.polylines)]
    layer = Image.new("RGBA", (cols * FINER, rows * FINER))
    draw = ImageDraw.Draw(layer)
    pieces = [(o, piece) for o in seen for line in o.polylines for piece in _inside(line, rows, cols)]
    width = FINER * max(1.5, max(rows, cols) / 450)
    for _, piece in pieces:
        draw.line(_points(piece), fill=CASING, width=round(2.2 * width), joint="curve")
    for outline, piece in pieces:
        draw.line(_points(piece), fill=(*outline.color, 255), width=round(width), joint="curve")
    drawn = Image.fromarray(picture).convert("RGBA")
    drawn.alpha_composite(layer.resize((cols, rows), Image.Resampling.BOX))
    _write_names(drawn, [(o.name, o.color, _anchors(o, rows, cols)) for o in _largest_first(seen)])
    return np.hstack([np.asarray(drawn.convert("RGB")), legend([(o.name, o.color) for o in seen], rows)])


def draw_landmarks(picture: np.ndarray, names: tuple[str, ...], uv: np.ndarray) -> np.ndarray:
    """Crosses with names at the pixels ``uv`` (N, 2) of an RGB picture; those outside are left out."""
    rows, cols = picture.shape[:2]
    drawn = Image.fromarray(picture).convert("RGBA")
    draw = ImageDraw.Draw(drawn)
    arm = max(rows, cols) / 90
    marks = []
    for name, (u, v) in zip(names, uv, strict=True):
        if not (np.isfinite([u, v]).all() and 0 <= u <= cols - 1 and 0 <= v <= rows - 1):
            continue
        for shade, width in ((CASING, 4), ((*LANDMARK, 255), 2)):
            draw.line([(u - arm, v), (u + arm, v)], fill=shade, width=width)
            draw.line([(u, v - arm), (u, v + arm)], fill=shade, width=width)
        around = arm * np.array([[1.5, -1.2], [-1.5, -1.2], [1.5, 1.2], [-1.5, 1.2]])
        marks.append((name, LANDMARK, [u, v] + around))
    _write_names(drawn, marks, beside=True)
    return np.asarray(drawn.convert("RGB"))


def legend(entries: list[tuple[str, tuple[int, int, int]]], height: int) -> np.ndarray:
    """A panel of color swatches and names, as high as a picture, in as many columns as needed."""
    size = max(11, round(height / 46))
    font = ImageFont.load_default(size)
    line = round(1.5 * size)
    per_column = max(1, (height - line) // line)
    columns = [entries[i:i + per_column] for i in range(0, len(entries), per_column)]
    widths = [round(2.6 * size + max(font.getlength(_short(name)) for name, _ in column)) for column in columns]
    panel = Image.new("RGB", (sum(widths) + (size if widths else 0), height), PANEL)
    draw = ImageDraw.Draw(panel)
    left = size
    for column, width in zip(columns, widths, strict=True):
        for row, (name, color) in enumerate(column):
            top = line // 2 + row * line
            draw.rounded_rectangle([left, top, left + size, top + size], radius=size // 4, fill=color)
            draw.text((left + 1.6 * size, top + size / 2), _short(name), font=font, fill=PANEL_TEXT, anchor="lm")
        left += width
    return np.asarray(panel)


def beside(pictures: list[tuple[str, np.ndarray]]) -> np.ndarray:
    """RGB pictures of one height next to each other, each with a heading above it."""
    height, gap = pictures[0][1].shape[0], max(2, pictures[0][1].shape[0] // 100)
    size = max(11, round(height / 30))
    strips = []
    for heading, picture in pictures:
        head = Image.new("RGB", (picture.shape[1], 2 * size), PANEL)
        ImageDraw.Draw(head).text((picture.shape[1] / 2, size), heading, font=ImageFont.load_default(size),
                                  fill=PANEL_TEXT, anchor="mm")
        strips += [np.vstack([np.asarray(head), picture]), np.full((height + 2 * size, gap, 3), PANEL, np.uint8)]
    return np.hstack(strips[:-1])


def free_places(items: list[tuple[np.ndarray, np.ndarray]], size: tuple[int, int]) -> list[tuple | None]:
    """Where to put boxes so that none covers another, in order of precedence.

    :param items: half sizes (2,) and places (N, 2) for the middle, the best first, as (u, v).
    :param size: (columns, rows) that boxes have to stay within.
    :return: (left, top, right, bottom), or None where no place is free.
    """
    boxes: list[tuple | None] = []
    for half, places in items:
        middles = np.clip(places, half, np.array(size) - half)
        found = ((*middle - half, *middle + half) for middle in middles)
        boxes.append(next((box for box in found if not any(_overlap(box, other) for other in boxes if other)), None))
    return boxes


def _overlap(first: tuple, second: tuple) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _write_names(drawn: Image.Image, items: list, beside: bool = False) -> None:
    """Write names (name, color, places) where they cover no other; ``beside`` their places instead of over them."""
    size = max(10, round(max(drawn.size) / 62))
    font = ImageFont.load_default(size)
    draw = ImageDraw.Draw(drawn, "RGBA")
    wanted = []
    for name, _, places in items:
        half = np.array([font.getlength(_short(name)) / 2 + size * 0.35, size * 0.75])
        aside = np.where(places[:, :1] < places.mean(axis=0)[0], -1, 1) * [half[0], 0] if beside else 0
        wanted.append((half, places + aside))
    for (name, color, _), box in zip(items, free_places(wanted, drawn.size), strict=True):
        if box is not None:
            draw.rounded_rectangle(box, radius=size // 3, fill=CASING)
            draw.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), _short(name), font=font,
                      fill=(*_bright(color), 255), anchor="mm")


def _anchors(outline: NamedLines, rows: int, cols: int) -> np.ndarray:
    """Places for a name: the middle of the longest polyline, then points along it, inside the picture."""
    line = max(outline.polylines, key=len)
    along = line[::max(1, len(line) // 16)]
    places = np.vstack([line.mean(axis=0), (along + line.mean(axis=0)) / 2, along])
    return places[((places >= 0) & (places <= [cols - 1, rows - 1])).all(axis=1)]


def _inside(line: np.ndarray, rows: int, cols: int) -> list[np.ndarray]:
    """A closed line without its pieces along the picture's edge, where a segment is merely cut off."""
    closed = np.vstack([line, line[:1]])
    keep = ((closed > 0.5) & (closed < [cols - 1.5, rows - 1.5])).all(axis=1)
    starts = np.flatnonzero(np.diff(np.r_[False, keep].astype(int)) == 1)
    stops = np.flatnonzero(np.diff(np.r_[keep, False].astype(int)) == -1)
    return [closed[a:b + 1] for a, b in zip(starts, stops, strict=True) if b > a]


def _largest_first(outlines: list[NamedLines]) -> list[NamedLines]:
    return sorted(outlines, key=lambda o: -max(np.prod(np.ptp(line, axis=0)) for line in o.polylines))


def _points(line: np.ndarray) -> list[tuple[float, float]]:
    """Coordinates on the finer canvas, whose pixel corners, not centers, are at integers."""
    return [tuple(p) for p in ((line + 0.5) * FINER - 0.5).tolist()]


def _short(name: str) -> str:
    name = " ".join(str(name).replace("_", " ").split())
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME - 1] + "…"


def _bright(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """The color mixed with white until it can be read on black."""
    values = np.array(color, float)
    luminance = values @ [0.3, 0.59, 0.11]
    return tuple((values + (255 - values) * max(0.0, 1 - luminance / 150)).astype(int).tolist())
