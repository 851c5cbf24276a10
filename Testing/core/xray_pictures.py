"""Random pictures that look like X-rays to a field finder: anatomy, collimator, scatter, noise and encoding."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

KINDS = ("none", "rectangle", "some sides", "tilted", "turned", "half", "circle", "large circle", "cut circle",
         "circle and rectangle", "octagon")


@dataclass(frozen=True)
class Shot:
    """``values`` as an encoder would store them, the true ``field``, and +1 if the values rise with intensity."""

    values: np.ndarray
    field: np.ndarray
    kind: str
    encoding: str
    sense: int
    spacing_mm: float


def random_shot(rng: np.random.Generator, kind: str | None = None, *, size: int = 256, spacing_mm: float = 1.2,
                line: np.ndarray | None = None) -> Shot:
    """One picture of ``size`` pixels; ``line`` replaces the random anatomy by given line integrals."""
    kind = kind or str(rng.choice(KINDS))
    line = random_anatomy(rng, size, spacing_mm) if line is None else line
    field = random_field(rng, kind, line.shape)
    signal = irradiated(rng, line, field, spacing_mm)
    encoding = str(rng.choice(["LIN", "LOG", "DISP"]))
    sense = 1 if encoding == "LIN" else int(rng.choice([1, -1]))
    return Shot(encoded(rng, signal, encoding, sense), field, kind, encoding, sense, spacing_mm)


def random_anatomy(rng: np.random.Generator, size: int, spacing_mm: float) -> np.ndarray:
    """Line integrals of a trunk, a limb or a head with bones, cavities, texture and now and then metal."""
    v, u = (np.mgrid[:size, :size] - size / 2) * spacing_mm
    width, height = rng.uniform(120, 420), rng.uniform(250, 1500)
    shift = rng.normal(0, 40, 2)
    tissue = np.sqrt(np.clip(1 - ((u - shift[0]) / width * 2) ** 2 - ((v - shift[1]) / height * 2) ** 2, 0, 1))
    line = rng.uniform(1.5, 5) * tissue
    for _ in range(rng.integers(0, 4)):
        line = line - rng.uniform(0.3, 1.6) * _blob(rng, u, v, (20, 90), rng.uniform(0.6, 4))
    for _ in range(rng.integers(0, 4)):
        line = line + rng.uniform(0.3, 1.5) * _blob(rng, u, v, (30, 120), rng.uniform(0.6, 4))
    for _ in range(rng.integers(1, 4)):
        line = line + rng.uniform(0.2, 1.2) * _bone(rng, u, v)
    for angle in np.linspace(-0.6, 0.6, rng.integers(1, 10)):
        radius = np.hypot(u - shift[0], v - shift[1] + 150 * angle)
        line = line + rng.uniform(0.05, 0.3) * np.exp(-((radius - rng.uniform(60, 160)) / 4) ** 2)
    texture = sum(ndimage.gaussian_filter(rng.normal(size=u.shape), s) * s for s in (1, 2, 4, 8, 16))
    line = np.maximum(line, 0) + 0.04 * rng.uniform(0.3, 2) * texture * (tissue > 0)
    for _ in range(rng.integers(0, 3)):
        line = line + _metal(rng, u, v)
    return np.maximum(line, 0)


def _blob(rng, u, v, size, sharpness) -> np.ndarray:
    center, axes = rng.normal(0, 90, 2), rng.uniform(*size, 2)
    radius = np.hypot((u - center[0]) / axes[0], (v - center[1]) / axes[1])
    return 1 / (1 + np.exp(np.clip((radius - 1) * 8 * sharpness, -50, 50)))


def _bone(rng, u, v) -> np.ndarray:
    """A straight or slightly bent shaft, as a spine or a femur."""
    angle, bend = rng.normal(0, 0.35) + (rng.random() < 0.3) * np.pi / 2, rng.normal(0, 3e-4)
    along, across = u * np.sin(angle) + v * np.cos(angle), u * np.cos(angle) - v * np.sin(angle)
    across = across - rng.normal(0, 70) - bend * along ** 2
    wobble = rng.uniform(0, 3) * np.sin(along / rng.uniform(4, 8))
    return np.sqrt(np.clip(1 - (across / (rng.uniform(8, 30) + wobble)) ** 2, 0, 1))


def _metal(rng, u, v) -> np.ndarray:
    angle, start = rng.uniform(0, np.pi), rng.normal(0, 80, 2)
    along = (u - start[0]) * np.cos(angle) + (v - start[1]) * np.sin(angle)
    across = -(u - start[0]) * np.sin(angle) + (v - start[1]) * np.cos(angle)
    return rng.uniform(0.3, 4) * ((np.abs(across) < rng.uniform(1, 6)) & (np.abs(along) < rng.uniform(15, 150)))


def random_field(rng: np.random.Generator, kind: str, shape: tuple[int, int]) -> np.ndarray:
    """The irradiated part (rows, cols), bool."""
    rows, cols = shape
    v, u = np.mgrid[:rows, :cols]
    x, y = u / (cols - 1) * 2 - 1, (v / (rows - 1) * 2 - 1)
    field = np.ones(shape, bool)
    if "circle" in kind:
        center = rng.uniform(-1, 1, 2) * (0.45 if kind == "cut circle" else 0.04)
        radius = rng.uniform(*{"circle": (0.6, 0.97), "large circle": (1.0, 1.2), "cut circle": (0.7, 1.1)}
                             .get(kind, (0.75, 1)))
        field &= np.hypot(x - center[0], y - center[1]) < radius
    if kind in ("rectangle", "some sides", "tilted", "turned", "circle and rectangle"):
        tilt = np.deg2rad(rng.uniform(*{"tilted": (1, 8), "turned": (9, 45)}.get(kind, (0, 0))) * rng.choice([-1, 1]))
        across, along = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
        sides = rng.uniform(0.3, 0.92, 4)
        absent = rng.random(4) < {"some sides": 0.5, "circle and rectangle": 0.5}.get(kind, 0.0)
        sides[absent] = 2
        field &= (across > -sides[0]) & (across < sides[1]) & (along > -sides[2]) & (along < sides[3])
    if kind == "half":
        axis = x if rng.random() < 0.5 else y
        field &= axis * rng.choice([-1, 1]) < rng.uniform(-0.1, 0.3)
    if kind == "octagon":
        half = rng.uniform(0.7, 0.95)
        field &= (np.maximum(np.abs(x), np.abs(y)) < half) & (np.abs(x) + np.abs(y) < half * rng.uniform(1.3, 1.7))
    return field


def irradiated(rng: np.random.Generator, line: np.ndarray, field: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Detector signal, 1 in open air: primary beam, penumbra, scatter that reaches under the blades, noise."""
    leak = rng.choice([0.0, rng.uniform(0, 0.015)])
    aperture = ndimage.gaussian_filter(np.where(field, 1.0, leak), rng.uniform(0.2, 2.0) / spacing_mm)
    primary = np.exp(-line) * aperture
    wide = ndimage.gaussian_filter(primary, rng.uniform(15, 60) / spacing_mm, mode="constant")
    signal = primary + wide * rng.uniform(0.05, 0.8)
    photons = 10 ** rng.uniform(3, 5)
    signal = rng.poisson(signal * photons) / photons + rng.normal(0, 1e-3, line.shape)
    return ndimage.gaussian_filter(signal, rng.uniform(0, 0.8) / spacing_mm)


def encoded(rng: np.random.Generator, signal: np.ndarray, encoding: str, sense: int) -> np.ndarray:
    """Stored values, 12 bit. DISP is a display curve that clips either end."""
    if encoding == "LIN":
        shown = np.clip(signal / np.percentile(signal, rng.uniform(97, 99.9)), 0, 1)
    else:
        shown = np.log(np.maximum(signal, 1e-3))
        clip = rng.uniform(0, 3) if encoding == "DISP" else 0
        low, high = np.percentile(shown, [clip, 100 - clip])
        shown = np.clip((shown - low) / (high - low), 0, 1)
        shown = shown ** rng.uniform(0.6, 1.6) if encoding == "DISP" else shown
    return np.rint(4095 * (shown if sense > 0 else 1 - shown)).astype(np.uint16)
