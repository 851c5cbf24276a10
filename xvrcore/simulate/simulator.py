"""A simulated X-ray of a CT: the patient in the beam, the detector behind, and what is known of it."""

from dataclasses import dataclass, field

import numpy as np

from xvrcore import rigid
from xvrcore.camera import Camera
from xvrcore.errors import InputError
from xvrcore.positioner import Positioner, angles_of
from xvrcore.render import Projector, make_projector
from xvrcore.simulate import detector as chain
from xvrcore.simulate.encoding import stored_values
from xvrcore.simulate.landmarks import bone_landmarks
from xvrcore.simulate.materials import TissueModel, densities
from xvrcore.simulate.metal import metal_mm
from xvrcore.simulate.settings import FIELD_EDGE, SimulationSettings
from xvrcore.volume import Volume

DEFAULT_ISOCENTER_SHARE = 0.65
"""Source-to-isocenter over source-to-detector distance where the header's positioner does not say."""


@dataclass(frozen=True)
class Phantom:
    """A CT prepared for many X-rays: one projector per material."""

    ct: Volume = field(repr=False)
    model: TissueModel
    projectors: dict[str, Projector] = field(repr=False)

    def mass_g_cm2(self, camera: Camera) -> dict[str, np.ndarray]:
        """Mass thickness (rows, cols) that each pixel's ray passes, per material."""
        shape = (camera.intrinsics.rows, camera.intrinsics.cols)
        targets = camera.intrinsics.pixel_grid().reshape(-1, 3)
        return {name: projector.integrals(camera.ras_from_camera[None], targets).values.reshape(shape)
                for name, projector in self.projectors.items()}


@dataclass(frozen=True)
class SimulatedXray:
    """``pixels``: (frames, rows, cols) stored values. ``camera`` is the truth, ``positioner`` and ``header_sdd_mm``
    what the header says. ``landmarks``: names to RAS points. ``transmission`` (rows, cols): the patient's and
    metal's own, without detector. ``open_field``: (rows, cols) bool, inside the collimator. ``photons``: quanta per
    pixel in the open beam."""

    pixels: np.ndarray = field(repr=False)
    camera: Camera
    settings: SimulationSettings = field(repr=False)
    positioner: Positioner
    header_sdd_mm: float
    landmarks: dict[str, np.ndarray] = field(repr=False)
    transmission: np.ndarray = field(repr=False)
    open_field: np.ndarray = field(repr=False)
    photons: float

    @property
    def isocenter_mm(self) -> float:
        """Source-to-isocenter distance."""
        stated = self.positioner.source_isocenter_mm
        return stated if stated is not None else DEFAULT_ISOCENTER_SHARE * self.camera.intrinsics.sdd_mm


def prepare_phantom(ct: Volume, model: TissueModel | None = None) -> Phantom:
    """Prepare a CT in HU once, for many X-rays.

    :raises InputError: the volume is not in HU.
    """
    model = model or TissueModel()
    parts = densities(ct, model)
    return Phantom(ct, model, {name: make_projector(volume) for name, volume in
                               (("water", parts.water), ("bone", parts.bone)) if volume.values.any()})


def simulate_xray(volume: Volume | Phantom, camera: Camera, settings: SimulationSettings | None = None,
                  landmarks: dict[str, np.ndarray] | None = None) -> SimulatedXray:
    """One X-ray of a CT.

    :param volume: CT in HU, or a :class:`Phantom` prepared with the settings' tissue model.
    :param landmarks: names to RAS points for the truth; else a dozen bone points within the image are chosen.
    :raises InputError: the volume is not in HU, or the beam misses it.
    """
    settings = settings or SimulationSettings()
    phantom = volume if isinstance(volume, Phantom) else prepare_phantom(volume, settings.tissue)
    if phantom.model != settings.tissue:
        raise InputError("The phantom was prepared with another tissue model than the settings ask for.")
    rng = np.random.default_rng(settings.seed)
    positioner = settings.header.positioner or Positioner(*angles_of(camera.ras_from_camera)[:2])
    share, signal, passing = _signal(phantom, camera, settings, positioner)
    inside = passing > FIELD_EDGE
    photons = chain.open_beam_photons(signal, inside, settings.detector)
    exposures = [chain.detected(signal, photons, settings.detector, camera.intrinsics.spacing_mm, rng)
                 for _ in range(settings.encoding.frames)]
    if landmarks is None:
        landmarks = bone_landmarks(phantom.ct, camera, inside, rng)
    return SimulatedXray(pixels=np.stack([stored_values(one, inside, settings.encoding) for one in exposures]),
                         camera=camera, settings=settings, positioner=positioner,
                         header_sdd_mm=settings.header.sdd_mm or camera.intrinsics.sdd_mm, landmarks=landmarks,
                         transmission=share, open_field=inside, photons=photons)


def _signal(phantom: Phantom, camera: Camera, settings: SimulationSettings, positioner: Positioner):
    """Transmission of patient and metal, noise-free signal, and the aperture, each (rows, cols)."""
    factor, intrinsics = settings.detector.supersampling, camera.intrinsics
    edge = -0.5 + 0.5 / factor
    fine = Camera(intrinsics.region(edge, edge, 1 / factor, intrinsics.rows * factor, intrinsics.cols * factor),
                  camera.ras_from_camera)
    mass = phantom.mass_g_cm2(fine)
    if not any(one.any() for one in mass.values()):
        raise InputError(f"The beam from {np.round(camera.source_ras).tolist()} (RAS mm) misses "
                         f"{phantom.ct.path or 'the volume'}: nothing to simulate.")
    mass |= chain.metal_mass(metal_mm(fine, settings.metal))
    share = chain.area_mean(chain.transmitted(mass, settings.beam), factor)
    passing = chain.area_mean(chain.aperture(settings.collimator, fine.intrinsics), factor)
    primary = share * passing * chain.heel_gain(settings.beam, share.shape)
    isocenter = positioner.source_isocenter_mm or DEFAULT_ISOCENTER_SHARE * intrinsics.sdd_mm
    primary = chain.focal_spot_blur(primary, settings.detector, intrinsics.sdd_mm / isocenter, intrinsics.spacing_mm)
    return share, primary + chain.scattered(primary, share, passing, settings.scatter, intrinsics.spacing_mm), passing


def isocenter_ras(simulated: SimulatedXray) -> np.ndarray:
    """The isocenter's true place: on the beam's axis, which the header never tells."""
    return rigid.apply(simulated.camera.ras_from_camera, [0, 0, simulated.isocenter_mm])
