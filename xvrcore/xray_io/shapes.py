"""The shape of a collimated field: straight sides and a disc, in pixels from the image's center."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Side:
    """The half plane ``x cos(angle) + y sin(angle) <= offset``; angle in radians."""

    angle: float
    offset: float


@dataclass(frozen=True)
class Disc:
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Field:
    """The intersection of half planes and at most one disc in an image of ``shape``.

    ``evidence``: the length of edge (pixels of the working image) that speaks for it, net of what speaks against.
    """

    shape: tuple[int, int]
    sides: tuple[Side, ...] = ()
    disc: Disc | None = None
    evidence: float = 0.0

    @property
    def kind(self) -> str:
        names = [f"{len(self.sides)} straight side{'s' * (len(self.sides) > 1)}"] if self.sides else []
        return " and ".join(names + ["a circle"] * bool(self.disc)) or "none"

    @property
    def mask(self) -> np.ndarray:
        """(rows, cols) bool, True inside."""
        rows, cols = self.shape
        y, x = np.arange(rows)[:, None] - (rows - 1) / 2, np.arange(cols) - (cols - 1) / 2
        inside = np.ones(self.shape, bool)
        for side in self.sides:
            inside &= x * np.cos(side.angle) + y * np.sin(side.angle) <= side.offset
        if self.disc:
            inside &= (x - self.disc.x) ** 2 + (y - self.disc.y) ** 2 <= self.disc.radius ** 2
        return inside

    def enlarged(self, shape: tuple[int, int], factor: int) -> "Field":
        """The field in an image of ``shape``, of which this one's holds means of ``factor`` x ``factor`` pixels."""
        dy, dx = ((factor * n - full) / 2 for n, full in zip(self.shape, shape, strict=True))
        sides = tuple(Side(s.angle, s.offset * factor + dx * np.cos(s.angle) + dy * np.sin(s.angle))
                      for s in self.sides)
        disc = self.disc and Disc(self.disc.x * factor + dx, self.disc.y * factor + dy, self.disc.radius * factor)
        return Field(shape, sides, disc, self.evidence)
