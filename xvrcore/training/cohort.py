"""Many patients whose volumes are read when their turn comes, a few at a time in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Intrinsics
from xvrcore.errors import InputError
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.segments import Segmentation
from xvrcore.training.examples import Batch, Examples
from xvrcore.volume import Volume

ITERATIONS_EACH = 50
"""So long each part of a batch stays with one patient: reading a volume takes as long as many iterations."""
SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
CHOICE = 3
"""Sets the draws of patients apart from those of their poses."""


@dataclass(frozen=True)
class Member:
    """A volume on disk, its segmentation if there is one, and how often it is drawn compared with the others."""

    volume: Path
    segmentation: Path | None = None
    weight: float = 1.0


class Cohort:
    """Draws batches as :class:`Examples` does, of patients drawn by their weights.

    ``prepare(member)`` reads one; ``examples_of(patient, segmentation)`` draws of it. Who is drawn depends on the seed
    and the iteration alone. ``smallest_part``: each patient is cut at random to a box of at least this share of each
    side, 1 for all of it: scans end anywhere. One patient is held for every part of the batch that is drawn here.
    """

    def __init__(self, members: tuple[Member, ...], prepare: Callable[[Member], tuple[Patient, Segmentation | None]],
                 examples_of: Callable[[Patient, Segmentation | None], Examples], pose_range: PoseRange,
                 intrinsics: Intrinsics, smallest_part: float = 1.0):
        weights = np.array([member.weight for member in members], float)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
            raise InputError("The weights of the volumes must be numbers from 0 on, one of them above 0.")
        if not 0 < smallest_part <= 1:
            raise InputError(f"The smallest part of a volume is {smallest_part:g}; give a share above 0, at most 1.")
        self.members, self.shares, self.smallest_part = members, weights / weights.sum(), smallest_part
        self.pose_range, self.intrinsics = pose_range, intrinsics
        self.examples_of, self._prepare = examples_of, prepare
        self._held: dict[int, tuple[tuple[int, ...], Examples]] = {}

    def draw(self, count: int, seed: tuple[int, int, int]) -> Batch:
        """``count`` examples of one patient; ``seed`` is the run's, the part's and the iteration's number."""
        run, part, iteration = seed
        turn = (run, part, iteration // ITERATIONS_EACH)
        if self._held.get(part, (None,))[0] != turn:
            self._held.pop(part, None)      # let go of the last one before the next is read
            self._held[part] = turn, self._drawn(np.random.default_rng((*turn, CHOICE)))
        return self._held[part][1].draw(count, seed)

    def _drawn(self, rng: np.random.Generator) -> Examples:
        patient, segmentation = self._prepare(self.members[rng.choice(len(self.members), p=self.shares)])
        if self.smallest_part < 1:
            patient = cut_to_part(patient, self.smallest_part, rng)
        return self.examples_of(patient, segmentation)


def cut_to_part(patient: Patient, smallest: float, rng: np.random.Generator) -> Patient:
    """A box out of a patient at random, each side at least this share of the whole one's."""
    size = np.array(patient.source.values.shape)
    kept = np.maximum(2, np.rint(size * rng.uniform(smallest, 1, 3))).astype(int)
    first = rng.integers(0, size - kept + 1)
    box = tuple(slice(low, low + count) for low, count in zip(first, kept, strict=True))
    return Patient(_cut(patient.full.attenuation, box), _cut(patient.source, box), patient.backend)


def _cut(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    frame = volume.ras_from_ijk.copy()
    frame[:3, 3] = rigid.apply(frame, [part.start for part in box[::-1]])
    return replace(volume, values=np.ascontiguousarray(volume.values[box]), ras_from_ijk=frame)


def members_in(folder: Path, segmentations: Path | None = None,
               weights: dict[str, float] | None = None) -> tuple[Member, ...]:
    """The volumes in a folder: its files, and its folders, each a DICOM series; by name.

    :param segmentations: a folder whose files are named as their volumes; a volume may go without.
    :param weights: by a volume's name without suffix; of those not named, 1.
    :raises InputError: no such folder, an empty one, two of one name, or a weight for a volume that is not there.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one with CTs.")
    found = _by_name(folder)
    if not found:
        raise InputError(f"{folder} holds no volumes; give a folder with files {', '.join(SUFFIXES)} or DICOM folders.")
    if segmentations is not None and not segmentations.is_dir():
        raise InputError(f"{segmentations} is not a folder; give one with label maps named as their volumes.")
    if unknown := sorted(set(weights or {}) - set(found)):
        raise InputError(f"There are weights for {', '.join(unknown)}, but no such volumes in {folder}.")
    labels = {} if segmentations is None else _by_name(segmentations)
    return tuple(Member(path, labels.get(name), (weights or {}).get(name, 1.0)) for name, path in found.items())


def _by_name(folder: Path) -> dict[str, Path]:
    """What a folder holds, by name without suffix, which may have dots as DICOM's UIDs do.

    :raises InputError: two have one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = "" if path.is_dir() else next((one for one in SUFFIXES if path.name.lower().endswith(one)), None)
        if suffix is None or path.name.startswith("."):
            continue
        name = path.name[:len(path.name) - len(suffix)]
        if name in found:
            raise InputError(f"{path} and {found[name].name} have one name; rename one of them.")
        found[name] = path
    return found
