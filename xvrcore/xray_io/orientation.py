"""How the stored image lies to the patient: roll about the beam, and whether it is mirrored.

The camera's rotation is proper, so a mirrored picture is said by ``Intrinsics.flipped``. Which it is follows
from the beam's angles together with the directions in which columns and rows run in the patient. With
unknown angles neither is known alone: an AP and a PA hypothesis need opposite flips for one and the same
PatientOrientation. So a search over angle hypotheses asks :func:`flip_for` for each of them.
"""

import numpy as np

from xvrcore.positioner import ras_axes

DIRECTIONS_RAS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}
"""Letters of PatientOrientation (0020,0020) as RAS directions."""

USUAL_DISPLAY = ("L", "F")
"""Columns grow to the patient's left and rows to the feet: how frontal views are shown."""

DECISIVE_COSINE = 0.3
"""Below this, image columns run along the beam: the angles and the orientation contradict each other."""


def direction_ras(letters: str) -> np.ndarray | None:
    """The unit vector of an orientation such as "L" or "LA" (mostly left, a little anterior)."""
    known = [DIRECTIONS_RAS[letter] for letter in letters if letter in DIRECTIONS_RAS]
    if not known:
        return None
    vector = sum(0.5 ** i * np.array(v, float) for i, v in enumerate(known))
    length = np.linalg.norm(vector)
    return vector / length if length else None


def roll_for(primary_deg: float, secondary_deg: float, patient_orientation: tuple[str, str]) -> float:
    """The roll (0, 90, 180 or -90 degrees; see ``positioner.ras_axes``) that turns image down along the stored rows."""
    down = direction_ras(patient_orientation[1])
    if down is None:
        return 0.0
    rolls = (0.0, 180.0, 90.0, -90.0)
    return max(rolls, key=lambda roll: round(float(ras_axes(primary_deg, secondary_deg, roll)[:, 1] @ down), 6))


def flip_for(primary_deg: float, secondary_deg: float, patient_orientation: tuple[str, str]) -> bool | None:
    """Whether the stored columns run against the camera's x axis at these angles, given :func:`roll_for`'s roll.

    :param patient_orientation: where columns and where rows grow, as ("L", "F").
    :returns: ``None`` where the orientation does not settle it: no known letter, or columns along the beam.
    """
    right = direction_ras(patient_orientation[0])
    if right is None:
        return None
    roll = roll_for(primary_deg, secondary_deg, patient_orientation)
    cosine = float(ras_axes(primary_deg, secondary_deg, roll)[:, 0] @ right)
    return None if abs(cosine) < DECISIVE_COSINE else cosine < 0
