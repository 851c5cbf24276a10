"""From path lengths to detected signal: beam, collimator, scatter, blur and noise, in the order of nature."""

import numpy as np
from scipy import ndimage

from xvrcore.camera import Intrinsics
from xvrcore.simulate.materials import DENSITY, ENERGIES_KEV, MASS_ATTENUATION
from xvrcore.simulate.settings import FIELD_EDGE, Beam, Collimator, Detector, Scatter

METERED_SHARE = 0.6
"""The exposure is metered in the middle of the image, over this share of its height and width."""


def transmitted(mass_g_cm2: dict[str, np.ndarray], beam: Beam) -> np.ndarray:
    """Share (0..1) of the beam's energy that arrives behind mass thicknesses (g/cm2, per material).

    Beer and Lambert's law per energy bin; the detector integrates energy, so a bin weighs as its energy.
    """
    weights = np.array(beam.fluence) * ENERGIES_KEV
    weights /= weights.sum()
    total = np.float32(0)
    for bin_number in np.flatnonzero(weights):
        exponent = sum(np.float32(MASS_ATTENUATION[name][bin_number]) * mass for name, mass in mass_g_cm2.items())
        total = total + np.float32(weights[bin_number]) * np.exp(-exponent)
    return total


def metal_mass(paths_mm: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mass thickness in g/cm2 of path lengths in mm."""
    return {name: path * np.float32(DENSITY[name] * 0.1) for name, path in paths_mm.items()}


def heel_gain(beam: Beam, shape: tuple[int, int]) -> np.ndarray:
    """Relative intensity of the open beam (rows, cols), 1 on average: a ramp towards the anode."""
    v, u = np.meshgrid(np.linspace(-0.5, 0.5, shape[0]), np.linspace(-0.5, 0.5, shape[1]), indexing="ij")
    turn = np.deg2rad(beam.heel_deg)
    return (1 - beam.heel * (u * np.cos(turn) + v * np.sin(turn))).astype(np.float32)


def aperture(collimator: Collimator, intrinsics: Intrinsics) -> np.ndarray:
    """Share of the beam (rows, cols) that passes the blades, ``leak`` behind them."""
    rows, cols, (dy, dx) = intrinsics.rows, intrinsics.cols, intrinsics.spacing_mm
    if collimator.kind == "none":
        return np.ones((rows, cols), np.float32)
    u = (np.arange(cols)[None, :] - (collimator.center[0] * cols - 0.5)) * dx
    v = (np.arange(rows)[:, None] - (collimator.center[1] * rows - 0.5)) * dy
    half_u, half_v = collimator.size[0] * cols * dx / 2, collimator.size[1] * rows * dy / 2
    turn = np.deg2rad(collimator.roll_deg)
    along, across = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    outside_mm = np.hypot(u, v) - half_u if collimator.kind == "circle" else \
        np.maximum(np.abs(along) - half_u, np.abs(across) - half_v)
    open_share = np.clip(0.5 - outside_mm / max(collimator.penumbra_mm, 1e-6), 0, 1)
    return (collimator.leak + (1 - collimator.leak) * open_share).astype(np.float32)


def scattered(primary: np.ndarray, share: np.ndarray, passing: np.ndarray, scatter: Scatter,
              spacing_mm: tuple[float, float]) -> np.ndarray:
    """Scatter (rows, cols) that the beam ``primary`` makes on its way through the patient.

    The convolution model of Ohnesorge et al., Eur. Radiol. 9 (1999): a ray of transmission p makes forward scatter
    in proportion to p ln(1/p), which then spreads; here with one Gaussian.

    :param share: transmission (0..1) of the patient alone; :param passing: as of :func:`aperture`.
    """
    if scatter.to_primary == 0:
        return np.zeros_like(primary)
    made = primary * -np.log(np.clip(share, 1e-6, 1))
    block = max(1, int(scatter.width_mm / 4 / max(spacing_mm)))
    rows, cols = primary.shape
    padded = np.pad(made, ((0, -rows % block), (0, -cols % block)), mode="edge")
    coarse = padded.reshape(padded.shape[0] // block, block, -1, block).mean((1, 3))
    spread = ndimage.gaussian_filter(coarse, scatter.width_mm / block / np.array(spacing_mm), mode="constant")
    smooth = ndimage.zoom(spread, block, order=1, mode="nearest", grid_mode=True)[:rows, :cols]
    field = passing > FIELD_EDGE
    wanted, made_mean = scatter.to_primary * primary[field].mean(), smooth[field].mean()
    return smooth * (wanted / made_mean) if made_mean > 0 else np.zeros_like(primary)


def area_mean(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over ``factor`` x ``factor`` sub-pixels."""
    rows, cols = image.shape
    return image.reshape(rows // factor, factor, cols // factor, factor).mean((1, 3))


def focal_spot_blur(image: np.ndarray, detector: Detector, magnification: float, spacing_mm) -> np.ndarray:
    """The penumbra of a focal spot of finite size: a Gaussian of its width at half maximum, magnified."""
    sigma = detector.focal_spot_mm * (magnification - 1) / 2.355 / np.array(spacing_mm)
    return ndimage.gaussian_filter(image, sigma) if sigma.max() > 0 else image


def metered(field: np.ndarray) -> np.ndarray:
    """The middle of the image, as far as it lies in the field; else all of the field."""
    rows, cols = field.shape
    top, left = round(rows * (1 - METERED_SHARE) / 2), round(cols * (1 - METERED_SHARE) / 2)
    middle = np.zeros_like(field)
    middle[top:rows - top, left:cols - left] = field[top:rows - top, left:cols - left]
    return middle if middle.any() else field


def open_beam_photons(signal: np.ndarray, field: np.ndarray, detector: Detector) -> float:
    """Quanta per pixel of the open beam (signal 1) that give the metered middle the photons it should have."""
    return detector.photons / max(float(np.median(signal[metered(field)])), 1e-9)


def detected(signal: np.ndarray, photons: float, detector: Detector, spacing_mm,
             rng: np.random.Generator) -> np.ndarray:
    """One exposure: quantum noise, then the scintillator's blur (which the noise shares), then electronic noise.

    :param photons: quanta per pixel where the signal is 1; infinite for no noise.
    """
    noisy = np.isfinite(photons)
    counted = rng.poisson(np.maximum(signal, 0) * photons) / photons if noisy else signal
    if detector.blur_mm > 0:
        counted = ndimage.gaussian_filter(counted, detector.blur_mm / np.array(spacing_mm))
    return counted + rng.normal(0, detector.electronic_noise / photons, signal.shape) if noisy else counted
