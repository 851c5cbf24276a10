"""Anatomical points that judge a registration of a simulated X-ray."""

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.errors import InputError
from xvrcore.volume import Volume

LANDMARKS = 12
BONE_HU, TISSUE_HU = 250.0, -200.0
TRIED_VOXELS = 20000


def bone_landmarks(ct: Volume, camera: Camera, inside: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A dozen bone voxels seen within ``inside`` (rows, cols), far apart from each other, as names to RAS points.

    Where the beam meets no bone, other tissue.

    :raises InputError: the field shows nothing of the volume.
    """
    for name, threshold in (("bone", BONE_HU), ("tissue", TISSUE_HU)):
        voxels = np.flatnonzero(ct.values > threshold)
        if voxels.size:
            chosen = rng.choice(voxels, min(TRIED_VOXELS, voxels.size), replace=False)
            ijk = np.stack(np.unravel_index(chosen, ct.values.shape)[::-1], axis=-1)
            points = rigid.apply(ct.ras_from_ijk, ijk)
            points = points[seen_within(points, camera, inside)]
            if len(points) >= LANDMARKS:
                return {f"{name}_{n:02d}": point for n, point in enumerate(_far_apart(points, LANDMARKS))}
    raise InputError(f"The X-ray shows nothing of {ct.path or 'the volume'} inside its field: "
                     "move the camera or open the collimator.")


def seen_within(points_ras: np.ndarray, camera: Camera, inside: np.ndarray) -> np.ndarray:
    """Which points (N, 3) project onto a pixel of ``inside`` (rows, cols)."""
    uv, _ = camera.project(points_ras)
    column, row = np.rint(np.nan_to_num(uv, nan=-1e6)).astype(int).T
    seen = (column >= 0) & (row >= 0) & (column < inside.shape[1]) & (row < inside.shape[0])
    seen[seen] = inside[row[seen], column[seen]]
    return seen


def _far_apart(points: np.ndarray, count: int) -> np.ndarray:
    """``count`` points of ``points``, each next the farthest from those before it."""
    chosen = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return points[chosen]
