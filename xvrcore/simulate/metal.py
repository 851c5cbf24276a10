"""Instruments and implants as metal solids standing in the patient's space, projected in perspective."""

from dataclasses import dataclass

import numpy as np

from xvrcore.camera import Camera


@dataclass(frozen=True)
class Rod:
    """A solid cylinder: wire, needle, screw or rod. Ends in RAS mm."""

    start_ras: tuple[float, float, float]
    end_ras: tuple[float, float, float]
    radius_mm: float
    material: str = "Fe"

    def outline_ras(self) -> np.ndarray:
        return np.array([self.start_ras, self.end_ras], float)

    @property
    def reach_mm(self) -> float:
        return self.radius_mm

    def chord_mm(self, source: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Length (N,) of rays from ``source`` (3) along unit ``directions`` (N, 3) within the cylinder."""
        start, end = self.outline_ras()
        axis = (end - start) / np.linalg.norm(end - start)
        offset = source - (start + end) / 2
        along, along_source = directions @ axis, offset @ axis
        across, across_source = directions - along[:, None] * axis, offset - along_source * axis
        a = np.maximum((across ** 2).sum(-1), 1e-12)
        b = across @ across_source
        root = b ** 2 - a * (across_source @ across_source - self.radius_mm ** 2)
        half = np.sqrt(np.maximum(root, 0)) / a
        enter, leave = _slab(along_source, along, np.linalg.norm(end - start) / 2)
        chord = np.minimum(leave, -b / a + half) - np.maximum(enter, -b / a - half)
        return np.where(root > 0, np.maximum(chord, 0), 0)


@dataclass(frozen=True)
class Plate:
    """A solid box. ``axes_ras``: three orthonormal rows; ``half_mm``: half lengths along them."""

    center_ras: tuple[float, float, float]
    axes_ras: tuple[tuple[float, float, float], ...]
    half_mm: tuple[float, float, float]
    material: str = "Ti"

    def outline_ras(self) -> np.ndarray:
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        return np.array(self.center_ras) + (signs * self.half_mm) @ np.array(self.axes_ras)

    @property
    def reach_mm(self) -> float:
        return 0.0

    def chord_mm(self, source: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Length (N,) of rays from ``source`` (3) along unit ``directions`` (N, 3) within the box."""
        axes = np.array(self.axes_ras, float)
        start, along = axes @ (source - np.array(self.center_ras)), directions @ axes.T
        spans = [_slab(start[n], along[:, n], self.half_mm[n]) for n in range(3)]
        enter = np.max([span[0] for span in spans], axis=0)
        leave = np.min([span[1] for span in spans], axis=0)
        return np.maximum(leave - enter, 0)


Metal = Rod | Plate


def metal_mm(camera: Camera, objects: tuple[Metal, ...]) -> dict[str, np.ndarray]:
    """Path length in metal, mm, per material, each (rows, cols) of the camera's image."""
    paths: dict[str, np.ndarray] = {}
    intrinsics = camera.intrinsics
    for item in objects:
        path = paths.setdefault(item.material, np.zeros((intrinsics.rows, intrinsics.cols), np.float32))
        window = _window(camera, item)
        if window is None:
            continue
        u, v = np.arange(window[1].start, window[1].stop), np.arange(window[0].start, window[0].stop)
        rays = camera.detector_ras(u[None], v[:, None]).reshape(-1, 3) - camera.source_ras
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        path[window] += item.chord_mm(camera.source_ras, rays).reshape(len(v), len(u))
    return paths


def random_implants(share: float, camera: Camera, center_ras: np.ndarray, rng: np.random.Generator,
                    field: np.ndarray | None = None) -> tuple[Metal, ...]:
    """Plates, rods and screws around ``center_ras`` until they cover ``share`` of the image (or of ``field``).

    The plates are two to four mm thick, seen within 50 degrees of flat, as osteosynthesis plates are.

    :param field: (rows, cols) bool, the part of the image that counts.
    """
    rows, cols = camera.intrinsics.rows, camera.intrinsics.cols
    step = max(1, min(rows, cols) // 128)
    coarse = Camera(camera.intrinsics.region(0, 0, step, -(-rows // step), -(-cols // step)), camera.ras_from_camera)
    counted = np.ones((coarse.intrinsics.rows, coarse.intrinsics.cols), bool) if field is None else \
        field[::step, ::step]
    pose, objects = camera.ras_from_camera, []
    covered = np.zeros_like(counted)
    depth = np.linalg.norm(center_ras - camera.source_ras)
    extent = depth / camera.intrinsics.sdd_mm * np.array([cols * camera.intrinsics.spacing_mm[1],
                                                          rows * camera.intrinsics.spacing_mm[0]]) / 2
    while covered[counted].mean() < share and len(objects) < 200:
        place = center_ras + pose[:3, :3] @ np.r_[rng.uniform(-1, 1, 2) * extent, rng.uniform(-40, 40)]
        item = _random_plate(place, pose[:3, :3], rng) if rng.random() < 0.5 else _random_rod(place, rng)
        objects.append(item)
        covered |= sum(metal_mm(coarse, (item,)).values()) > 0
    return tuple(objects)


def _random_rod(place: np.ndarray, rng: np.random.Generator) -> Rod:
    direction = rng.normal(size=3)
    reach = direction / np.linalg.norm(direction) * rng.uniform(15, 60)
    return Rod(tuple((place - reach).tolist()), tuple((place + reach).tolist()), float(rng.uniform(1, 4)),
               str(rng.choice(["Fe", "Ti"])))


def _random_plate(place: np.ndarray, ras_from_camera: np.ndarray, rng: np.random.Generator) -> Plate:
    turn, tilt = rng.uniform(0, np.pi), np.deg2rad(rng.uniform(-50, 50))
    about_beam = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    about_row = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    axes = (about_row @ about_beam) @ ras_from_camera.T
    half = (float(rng.uniform(20, 60)), float(rng.uniform(5, 10)), float(rng.uniform(1, 2)))
    return Plate(tuple(place.tolist()), tuple(map(tuple, axes.tolist())), half, str(rng.choice(["Fe", "Ti"])))


def _slab(start, along, half_mm: float):
    """Where rays enter and leave the slab |x| <= ``half_mm``, in mm from the source."""
    along = np.where(np.abs(along) < 1e-12, 1e-12, along)
    first, second = (-half_mm - start) / along, (half_mm - start) / along
    return np.minimum(first, second), np.maximum(first, second)


def _window(camera: Camera, item: Metal) -> tuple[slice, slice] | None:
    """Rows and columns that an object's shadow may reach, or None where it misses the image."""
    uv, depth = camera.project(item.outline_ras())
    if not (depth > 1).all():
        return slice(0, camera.intrinsics.rows), slice(0, camera.intrinsics.cols)
    reach = 2 * item.reach_mm * camera.intrinsics.sdd_mm / depth.min() / np.array(camera.intrinsics.spacing_mm[::-1])
    low = np.maximum(np.floor(uv.min(0) - reach) - 1, 0).astype(int)
    high = np.minimum(np.ceil(uv.max(0) + reach) + 2, [camera.intrinsics.cols, camera.intrinsics.rows]).astype(int)
    return None if (high <= low).any() else (slice(low[1], high[1]), slice(low[0], high[0]))
