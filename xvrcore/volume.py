"""A scalar volume standing in the patient's RAS world, exactly where its file puts it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xvrcore import rigid
from xvrcore.errors import InputError


@dataclass(frozen=True)
class Volume:
    """``values`` are ``[k, j, i]``, float32; ``ras_from_ijk`` is affine (oblique allowed), float64, mm.

    ``quantity`` says what the values are: ``"HU"``, ``"MR"``, ``"attenuation"`` (1/mm) or ``"labels"``
    (integers of any integer type). ``notes`` are full sentences on what was decided while reading and preparing it.
    """

    values: np.ndarray = field(repr=False)
    ras_from_ijk: np.ndarray = field(repr=False)
    quantity: str
    path: Path | None = None
    sha256: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        matrix = np.array(self.ras_from_ijk, dtype=np.float64)
        name = str(self.path) if self.path else "The volume"
        if self.values.ndim != 3 or min(self.values.shape) < 2:
            raise InputError(f"{name} has shape {self.values.shape}; a volume with at least two voxels "
                             "along each of three axes is needed.")
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
            raise InputError(f"{name} has a singular voxel-to-world matrix; its header must give three "
                             "independent axes and a spacing above zero.")
        object.__setattr__(self, "ras_from_ijk", matrix)

    @property
    def spacing_mm(self) -> np.ndarray:
        """Voxel pitch along i, j, k."""
        return np.linalg.norm(self.ras_from_ijk[:3, :3], axis=0)

    @property
    def center_ras(self) -> np.ndarray:
        """The middle of the voxel grid."""
        return rigid.apply(self.ras_from_ijk, (np.array(self.values.shape[::-1]) - 1) / 2)

    def with_values(self, values: np.ndarray, quantity: str) -> "Volume":
        """The same place with other values of the same shape."""
        return replace(self, values=values, quantity=quantity)


def sampled(values: np.ndarray, about: int = 1_000_000) -> np.ndarray:
    """A view of every n-th voxel along each axis, some ``about`` of them in all: enough for percentiles and shares."""
    step = max(1, round((values.size / about) ** (1 / 3)))
    return values[::step, ::step, ::step]
