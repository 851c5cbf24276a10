"""From an X-ray to what a network sees: its own intrinsics, the collimator's shadow blank, contrast made alike."""

import numpy as np
import torch
from scipy import ndimage

from xvrcore.camera import Intrinsics
from xvrcore.similarity import locally_normalized
from xvrcore.xray import Xray
from xvrcore.xray_pyramid import XrayLevel, XrayPyramid

LOCAL_WINDOW_SHARE = 0.25
"""Side of the window of the locally normalized channel, as a share of the image's side."""
LEAST_VALID = 0.5
"""A pixel made of less than this share of valid ones is blank."""
XVR_MEAN, XVR_DEVIATION = 0.15, 0.1
"""What xvr subtracts from an image in 0..1, and divides it by."""


def network_intrinsics(example: Intrinsics, size: int) -> Intrinsics:
    """Square intrinsics of ``size`` pixels a side that cover all of an example X-ray, not mirrored."""
    (dy, dx), (cu, cv) = example.spacing_mm, example.principal_point_px
    step = max(example.rows * dy, example.cols * dx) / size
    middle_u = ((example.cols - 1) / 2 - cu) * dx * example.direction
    middle_v = ((example.rows - 1) / 2 - cv) * dy
    center = (size - 1) / 2
    return Intrinsics(example.sdd_mm, (step, step), (center - middle_u / step, center - middle_v / step), size, size)


def reduced(xray: Xray, wanted: Intrinsics) -> XrayLevel:
    """The X-ray in pixels about as large as those of ``wanted`` intrinsics, for :func:`resampled`."""
    have = xray.intrinsics
    pitch = min(wanted.spacing_mm) / wanted.sdd_mm * have.sdd_mm / max(have.spacing_mm)
    return XrayPyramid(xray).level(max(2, round(max(have.rows, have.cols) / max(pitch, 1.0))))


def resampled(level: XrayLevel, wanted: Intrinsics, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The X-ray as a detector of ``wanted`` intrinsics, turned by ``camera_from_turned`` (3x3), would show it.

    Any SDD, spacing, size, principal point and flip: rays from the same source are matched.

    :return: image and mask (rows, cols), float32; the image is 0 where the mask is.
    """
    u, v, scale = np.moveaxis(wanted.pixel_grid() @ turn.T @ level.intrinsics.matrix.T, -1, 0)
    at = np.where(scale > 0, [v, u] / scale, -1e6)
    share = ndimage.map_coordinates(level.valid, at, order=1, mode="constant")
    image = ndimage.map_coordinates(level.image * level.valid, at, order=1, mode="constant")
    mask = share >= LEAST_VALID
    return np.where(mask, image / np.maximum(share, 1e-6), 0).astype(np.float32), mask.astype(np.float32)


def network_input(images: np.ndarray, masks: np.ndarray, channels: int) -> np.ndarray:
    """Inputs (B, channels, h, w) float32 of images and masks (B, h, w).

    Two channels: normalized over the whole field, and in a sliding window; blank outside. One channel: as xvr has it.
    """
    if channels == 1:
        return between_extremes(torch.from_numpy(images)[:, None], torch.from_numpy(masks)[:, None]).numpy()
    count = np.maximum(masks.sum((1, 2), keepdims=True), 1)
    centered = (images - (images * masks).sum((1, 2), keepdims=True) / count) * masks
    deviation = np.sqrt((centered ** 2).sum((1, 2), keepdims=True) / count)
    window = int(images.shape[-1] * LOCAL_WINDOW_SHARE) // 2 * 2 + 1
    local, _ = locally_normalized(images, masks, window)
    return np.stack([centered / np.maximum(deviation, 1e-6), local], axis=1).astype(np.float32)


def between_extremes(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Images (B, 1, h, w) brought to 0..1, 0 outside the field, then shifted and scaled as xvr does."""
    inside = masks > 0
    low = torch.where(inside, images, torch.inf).amin((2, 3), keepdim=True)
    high = torch.where(inside, images, -torch.inf).amax((2, 3), keepdim=True)
    unit = torch.where(inside, (images - low) / (high - low + 1e-6), 0.0)
    return (unit.nan_to_num() - XVR_MEAN) / XVR_DEVIATION


def inputs_of(levels: list[XrayLevel], turns: np.ndarray, wanted: Intrinsics, channels: int) -> np.ndarray:
    """Network inputs (B, channels, h, w) of X-rays of whatever intrinsics, seen by turned cameras (B, 3, 3)."""
    pairs = [resampled(level, wanted, turn) for level, turn in zip(levels, turns, strict=True)]
    return network_input(np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs]), channels)
