"""xvr's image similarity with masks, differentiable by torch: multi-scale NCC and gradient NCC, half and half.

V. Gopalakrishnan et al., "Rapid patient-specific neural networks for intraoperative X-ray to volume
registration", arXiv 2503.16309. Local correlations come from box-filtered moments, which give the same values as
cutting out every patch, at a fraction of the time.
"""

import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

PATCH, GRADIENT_PATCH = 9, 11
"""Sides, in pixels, of the patches that images and image gradients are correlated in."""
LEAST_PATCH_SHARE = 0.5
"""A patch counts only if at least this share of it is valid."""
VARIANCE_FLOOR = 1e-4
"""Added to variances, of images of unit variance: keeps flat patches from correlating by noise."""
EACH = (1, 2, 3)
"""The dimensions of one image in a batch."""
SOBEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))


def similarity(drr: torch.Tensor, xray: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Similarity in -1..1 of two images (h, w) where ``weight`` (h, w; 0 or 1) is set, differentiable by ``drr``."""
    weight = weight[None, None]
    first, second = (standardized(image[None, None], weight) for image in (drr, xray))
    inner = 1 - max_pool2d(1 - weight, 3, stride=1, padding=1)    # where gradients see valid pixels only
    gradients = local_ncc(_gradients(first), _gradients(second), inner, GRADIENT_PATCH)
    return ((multiscale_ncc(first, second, weight) + gradients) / 2)[0]


def multiscale_ncc(first: torch.Tensor, second: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Correlations (B,) of standardized images (B, 1, h, w), half over all valid pixels, half in patches."""
    return (global_ncc(first, second, weight) + local_ncc(first, second, weight, PATCH)) / 2


def global_ncc(first: torch.Tensor, second: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Correlations (B,) of images (B, 1, h, w) over the valid pixels."""
    total = weight.sum(EACH).clamp(min=1)
    return _correlation(*((weight * p).sum(EACH) / total for p in _products(first, second)))


def local_ncc(first: torch.Tensor, second: torch.Tensor, weight: torch.Tensor, patch: int) -> torch.Tensor:
    """Mean correlations (B,) of images (B, C, h, w) over the square patches that are valid enough."""
    side = min(patch, *weight.shape[-2:])
    share = _box(weight, side)
    counts = (share >= LEAST_PATCH_SHARE).to(share)
    moments = (_box(weight * p, side) / share.clamp(min=1e-6) for p in _products(first, second))
    return (counts * _correlation(*moments).mean(dim=1, keepdim=True)).sum(EACH) / counts.sum(EACH).clamp(min=1)


def _products(first, second):
    return first, second, first * first, second * second, first * second


def _correlation(mean_1, mean_2, square_1, square_2, product) -> torch.Tensor:
    variance_1 = (square_1 - mean_1 ** 2).clamp(min=0) + VARIANCE_FLOOR
    variance_2 = (square_2 - mean_2 ** 2).clamp(min=0) + VARIANCE_FLOOR
    return (product - mean_1 * mean_2) / (variance_1 * variance_2).sqrt()


def _box(image: torch.Tensor, side: int) -> torch.Tensor:
    """Means over all patches within the image, rows after columns."""
    return avg_pool2d(avg_pool2d(image, (1, side), stride=1), (side, 1), stride=1)


def standardized(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Images (B, 1, h, w) of zero mean and unit variance over the valid pixels, zero elsewhere."""
    total = weight.sum(EACH, keepdim=True).clamp(min=1)
    centered = (images - (weight * images).sum(EACH, keepdim=True) / total) * weight
    return centered / ((centered ** 2).sum(EACH, keepdim=True) / total + 1e-12).sqrt()


def _gradients(image: torch.Tensor) -> torch.Tensor:
    """Sobel derivatives (B, 2, h, w) by columns and by rows."""
    across = torch.tensor(SOBEL, dtype=image.dtype, device=image.device)
    return conv2d(image, torch.stack([across, across.T])[:, None], padding=1)
