"""What makes one anatomy look different from X-ray to X-ray: drawn at random for every training image.

All of it works on tensors (B, 1, h, w) wherever they lie, each image with its own chance and strength.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from xvrcore.training.clahe import clahe

REACH_PX = 3
"""Of a blur: three deviations of the widest one."""


@dataclass(frozen=True)
class Appearance:
    """Ranges from which each image's look is drawn, and the chance ``probability`` of each effect that may be absent.

    What every X-ray has to some degree - scatter, noise, a limited range, a display's curve - comes at ``usual``.

    ``bone``: what bones weigh beyond the CT's own attenuation (-0.5 halves them). ``scatter``: scatter over primary.
    ``noise``: deviation of the detected signal's logarithm in the middle of the image. ``gain``: fall of the
    beam from edge to edge. ``range``: where an image is cut off, in deviations from its mean. ``gamma``: exponent of
    the image's display. ``blur_px``: deviation of a Gaussian blur. ``equalization``: clip limit of CLAHE.
    ``collimated``: chance of a collimated field, ``field`` its sides over the image's. ``instruments``: most bars of
    metal. ``inverted``: chance that an image comes in the wrong polarity; none, as both are tried where a file leaves
    it open. ``principal_point_mm`` and ``sdd_share``: how far the detector may be from where it is said to be.
    """

    probability: float = 0.3
    usual: float = 0.8
    bone: tuple[float, float] = (-0.3, 0.6)
    scatter: tuple[float, float] = (0.0, 1.5)
    noise: tuple[float, float] = (0.0, 0.03)
    gain: tuple[float, float] = (0.0, 0.3)
    range: tuple[float, float] = (1.0, 3.5)
    gamma: tuple[float, float] = (0.7, 1.4)
    blur_px: tuple[float, float] = (0.3, 1.0)
    sharpness: tuple[float, float] = (0.0, 1.0)
    equalization: tuple[float, float] = (1.0, 3.0)
    collimated: float = 0.6
    field: tuple[float, float] = (0.65, 1.0)
    erased: tuple[float, float] = (0.01, 0.05)
    instruments: int = 1
    inverted: float = 0.0
    principal_point_mm: float = 2.0
    sdd_share: float = 0.003


def mixed(full: torch.Tensor, bones: torch.Tensor, appearance: Appearance, rng: torch.Generator) -> torch.Tensor:
    """Line integrals (B, 1, h, w) of patients whose bones attenuate more or less than the CT says."""
    return full + _uniform(full, appearance.bone, rng) * bones


def seen(integrals: torch.Tensor, field: torch.Tensor, appearance: Appearance,
         rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Line integrals as a detector and a reader of files would make them look, and the mask (B, 1, h, w) of what the
    collimator leaves of the detector's ``field``, shaped alike.

    The order is nature's: metal, collimator, scatter, gain and noise in the beam; then what is done to images.
    """
    look = _Look(integrals, appearance, rng)
    attenuation = integrals + look.instruments()
    mask = field * look.collimated()
    intensity = torch.exp(-attenuation)
    intensity = look.with_scatter(intensity, attenuation, mask)
    image = -torch.log(intensity.clamp_min(1e-4)) + look.gain_ramp() + look.noise(intensity)
    image = look.displayed(image, mask)
    image = look.blurred_or_sharpened(image)
    mask = mask * look.erased()
    return look.inverted(image) * mask, mask


class _Look:
    """The random decisions for one batch, in the order in which they are asked for."""

    def __init__(self, images: torch.Tensor, appearance: Appearance, rng: torch.Generator):
        self.images, self.ask, self.rng = images, appearance, rng
        self.rows, self.cols = images.shape[-2:]
        axis = [torch.linspace(-1, 1, n, device=images.device) for n in (self.rows, self.cols)]
        self.v, self.u = axis[0][:, None], axis[1][None, :]

    def chance(self, probability: float | None = None) -> torch.Tensor:
        """1 for the images that an effect befalls, else 0: (B, 1, 1, 1)."""
        wanted = self.ask.probability if probability is None else probability
        return (self.draw((0, 1)) < wanted).to(self.images)

    def draw(self, interval: tuple[float, float]) -> torch.Tensor:
        return _uniform(self.images, interval, self.rng)

    def instruments(self) -> torch.Tensor:
        """Line integrals of straight bars of metal."""
        total = torch.zeros_like(self.images)
        for _ in range(self.ask.instruments):
            along, across = self._turned(self.draw((0, math.pi)), self.draw((-0.7, 0.7)), self.draw((-0.7, 0.7)))
            inside = (across.abs() < self.draw((0.01, 0.06))) & (along.abs() < self.draw((0.1, 0.8)))
            total = total + inside * self.draw((0.5, 3.0)) * self.chance(self.ask.probability / 2)
        return total

    def collimated(self) -> torch.Tensor:
        """The collimated field: a turned rectangle, or the disc of an image intensifier."""
        angle = self.draw((-0.3, 0.3)) * self.chance(0.3)
        share_u, share_v = self.draw(self.ask.field), self.draw(self.ask.field)
        along, across = self._turned(angle, self.draw((-1, 1)) * (1 - share_u), self.draw((-1, 1)) * (1 - share_v))
        rectangle = (along.abs() < share_u) & (across.abs() < share_v)
        disc = self.u ** 2 + self.v ** 2 < self.draw((0.9, 1.1)) ** 2
        inside = torch.where(self.chance(0.3) > 0, disc, rectangle)
        return torch.where(self.chance(self.ask.collimated) > 0, inside, torch.ones_like(inside)).to(self.images)

    def with_scatter(self, intensity, attenuation, mask) -> torch.Tensor:
        """Smooth haze in proportion to what the patient takes out of the beam."""
        made = F.avg_pool2d(intensity * attenuation * mask, 8, ceil_mode=True)
        smooth = F.interpolate(_gaussian(made, torch.full_like(made[:, :, :1, :1], 1.0)), (self.rows, self.cols),
                               mode="bilinear", align_corners=False)
        mean = smooth.mean((2, 3), keepdim=True).clamp_min(1e-6)
        haze = smooth / mean * intensity.mean((2, 3), keepdim=True)
        return intensity + self.draw(self.ask.scatter) * self.chance(self.ask.usual) * haze

    def gain_ramp(self) -> torch.Tensor:
        along, _ = self._turned(self.draw((-math.pi, math.pi)), 0, 0)
        return along * self.draw(self.ask.gain) * self.chance()

    def noise(self, intensity: torch.Tensor) -> torch.Tensor:
        """Quantum noise of the logarithm: stronger where fewer photons arrive."""
        normal = torch.randn(intensity.shape, generator=self.rng, device=intensity.device)
        middle = intensity[..., ::4, ::4].flatten(1).median(dim=1).values.reshape(-1, 1, 1, 1)
        return normal * self.draw(self.ask.noise) * (middle / intensity.clamp_min(1e-4)).sqrt().clamp(max=4)

    def displayed(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Over- and underexposure, a display's curve, and contrast limited adaptive equalization, in 0..1."""
        count = mask.sum((2, 3), keepdim=True).clamp_min(1)
        mean = (image * mask).sum((2, 3), keepdim=True) / count
        deviation = (((image - mean) * mask) ** 2).sum((2, 3), keepdim=True).div(count).sqrt().clamp_min(1e-6)
        low, high = mean - self.draw(self.ask.range) * deviation, mean + self.draw(self.ask.range) * deviation
        unit = ((image - low) / (high - low)).clamp(1e-6, 1)
        unit = torch.where(self.chance() > 0, unit ** self.draw(self.ask.gamma), unit)
        curve = self.draw((0, 1)) * self.chance(0.5)
        unit = unit + curve * (unit * unit * (3 - 2 * unit) - unit)
        # all images are drawn alike: those at the front stand for a random choice, and the others need no histograms
        chosen = round(len(unit) * self.ask.probability / 2)
        return torch.cat([clahe(unit[:chosen], self.draw(self.ask.equalization)[:chosen]), unit[chosen:]])

    def blurred_or_sharpened(self, image: torch.Tensor) -> torch.Tensor:
        blurred = _gaussian(image, self.draw(self.ask.blur_px))
        sharp = image + self.draw(self.ask.sharpness) * (image - blurred)
        choice = self.draw((0, 1))
        changed = torch.where(choice < 0.5, blurred, sharp)
        return torch.where(self.chance() > 0, changed, image)

    def erased(self) -> torch.Tensor:
        """Zero in one rectangle of an image, 1 elsewhere."""
        area, stretch = self.draw(self.ask.erased), torch.exp(self.draw((-1, 1)))
        half_u, half_v = (area * stretch).sqrt(), (area / stretch).sqrt()
        inside = ((self.u - self.draw((-1, 1))).abs() < half_u) & ((self.v - self.draw((-1, 1))).abs() < half_v)
        return 1 - inside.to(self.images) * self.chance(self.ask.probability / 2)

    def inverted(self, image: torch.Tensor) -> torch.Tensor:
        return image * (1 - 2 * self.chance(self.ask.inverted))

    def _turned(self, angle, shift_u, shift_v) -> tuple[torch.Tensor, torch.Tensor]:
        """Coordinates (-1..1) along and across a direction, from a shifted origin."""
        u, v = self.u - shift_u, self.v - shift_v
        return u * torch.cos(angle) + v * torch.sin(angle), v * torch.cos(angle) - u * torch.sin(angle)


def _uniform(like: torch.Tensor, interval: tuple[float, float], rng: torch.Generator) -> torch.Tensor:
    """One number an image, (B, 1, 1, 1)."""
    return interval[0] + (interval[1] - interval[0]) * torch.rand((len(like), 1, 1, 1), generator=rng,
                                                                  device=like.device)


def _gaussian(images: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
    """Each image (B, 1, h, w) blurred by its own deviation, (B, 1, 1, 1)."""
    offsets = torch.arange(-REACH_PX, REACH_PX + 1, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma_px.view(-1, 1).clamp_min(0.05)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None]
    stacked = F.pad(images.transpose(0, 1), (REACH_PX,) * 4, mode="replicate")
    wide = F.conv2d(stacked, kernel[:, :, None], groups=len(images))
    return F.conv2d(wide, kernel[..., None], groups=len(images)).transpose(0, 1)
