"""Random C-arm views of a patient, and which of their rays leave a CT through its cut ends."""

from dataclasses import dataclass, field

import numpy as np

from xvrcore.camera import Camera, Intrinsics, image_center_px
from xvrcore.positioner import Positioner, camera_pose
from xvrcore.simulate.detector import aperture
from xvrcore.simulate.settings import FIELD_EDGE, Collimator
from xvrcore.volume import Volume

HEADER_ERROR_DEG = 2.0
"""Angles of a header are wrong by up to this: the patient lies a little askew, the C-arm bends."""
COARSE = 24
"""Rays are followed on so many pixels a side."""


@dataclass(frozen=True)
class Box:
    """The bounds of a body in a CT whose axes are the world's: two corners in RAS mm."""

    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)

    @staticmethod
    def around(body: Volume) -> "Box":
        ijk = np.argwhere(body.values[::2, ::4, ::4] > -500)[:, ::-1] * [4, 4, 2]
        corners = np.stack([ijk.min(0), ijk.max(0)]) @ body.ras_from_ijk[:3, :3].T + body.ras_from_ijk[:3, 3]
        return Box(corners.min(0), corners.max(0))

    def spans(self, camera: Camera, collimator: Collimator) -> tuple[np.ndarray, np.ndarray]:
        """Where each of the field's rays (N) enters and leaves each pair of faces (N, 3), as shares of its length."""
        rows, cols = camera.intrinsics.rows, camera.intrinsics.cols
        step = max(rows, cols) / COARSE
        coarse = camera.intrinsics.region(step / 2, step / 2, step, int(rows / step), int(cols / step))
        v, u = np.nonzero(field_of(Camera(coarse, camera.ras_from_camera), collimator))
        rays = Camera(coarse, camera.ras_from_camera).detector_ras(u, v) - camera.source_ras
        first, second = (self.low - camera.source_ras) / rays, (self.high - camera.source_ras) / rays
        return np.minimum(first, second), np.maximum(first, second)

    def crossed(self, camera: Camera, collimator: Collimator) -> float:
        """Share of the field's rays that pass the box at all."""
        enter, leave = self.spans(camera, collimator)
        return float((enter.max(1) < leave.min(1)).mean())

    def cut(self, camera: Camera, collimator: Collimator) -> float:
        """Share of the field's rays that pass the box's top or bottom, where the body goes on but the CT does not."""
        enter, leave = self.spans(camera, collimator)
        sides_enter, sides_leave = enter[:, :2].max(1), leave[:, :2].min(1)
        passes_sides = sides_enter < sides_leave
        return float((passes_sides & ((enter[:, 2] > sides_enter) | (leave[:, 2] < sides_leave))).mean())


def field_of(camera: Camera, collimator: Collimator) -> np.ndarray:
    """Pixels (rows, cols) inside the collimator."""
    return aperture(collimator, camera.intrinsics) > FIELD_EDGE


def random_view(center_ras: np.ndarray, reach_mm: float, header_error_deg: float | None,
                rng: np.random.Generator) -> tuple[Camera, Positioner]:
    """A camera, and the angles and distance that the header will state.

    :param reach_mm: how far from ``center_ras`` (RAS mm) the isocenter lies.
    :param header_error_deg: how wrong the header's angles are, exactly; ``None`` for up to 2 degrees each.
    """
    primary = float(rng.choice([0, 180]) + rng.uniform(-45, 45)) if rng.random() < 0.75 else \
        float(rng.choice([-90, 90]) + rng.uniform(-20, 20))
    primary = (primary + 180) % 360 - 180
    secondary, roll = float(rng.uniform(-25, 25)), float(rng.uniform(-6, 6))
    sdd = float(rng.uniform(900, 1300))
    sid = sdd * float(rng.uniform(0.6, 0.75))
    direction = rng.normal(size=3)
    isocenter = center_ras + direction / np.linalg.norm(direction) * reach_mm
    size = int(rng.choice([512, 512, 600, 768, 1024]))
    spacing = float(np.clip(rng.uniform(200, 400) / size, 0.2, 0.6))
    rows, cols = size, size if rng.random() < 0.7 else round(size * 0.8)
    offset = rng.uniform(-8, 8, 2) if rng.random() < 0.5 else np.zeros(2)
    usual_flip = abs(primary) < 90
    intrinsics = Intrinsics(sdd, (spacing, spacing), tuple((image_center_px(rows, cols) + offset).tolist()), rows, cols,
                            flipped=bool(usual_flip != (rng.random() < 0.2)))
    camera = Camera(intrinsics, camera_pose(primary, secondary, sid, isocenter, roll))
    error = rng.uniform(-HEADER_ERROR_DEG, HEADER_ERROR_DEG, 2)
    if header_error_deg is not None:
        turn = rng.uniform(0, 2 * np.pi)
        error = header_error_deg * np.array([np.cos(turn), np.sin(turn)])
    stated = ((primary + error[0] + 180) % 360 - 180, secondary + error[1])
    return camera, Positioner(float(stated[0]), float(stated[1]), sid)
