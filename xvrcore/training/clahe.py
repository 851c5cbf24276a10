"""Contrast limited adaptive histogram equalization of a batch of images, on any device.

K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994: the curve of every tile is
the clipped histogram's sum, and a pixel takes its value from the curves of the four nearest tiles.
"""

import torch

TILES, BINS = 4, 64
"""Tiles along each side, and gray levels of their histograms."""


def clahe(images: torch.Tensor, clip: torch.Tensor) -> torch.Tensor:
    """Images (B, 1, h, w) in 0..1, in which contrast has grown to at most ``clip`` + 1 times (B, 1, 1, 1)."""
    count, _, rows, cols = images.shape
    levels = (images[:, 0] * BINS).long().clamp(0, BINS - 1)
    low_v, high_v, share_v = _neighbors(rows, images.device)
    low_u, high_u, share_u = _neighbors(cols, images.device)
    curves = _curves(levels, clip.reshape(count, 1, 1)).flatten(1)

    def by(tile_v, tile_u):
        at = (tile_v[:, None] * TILES + tile_u) * BINS + levels
        return curves.gather(1, at.flatten(1)).reshape(levels.shape)

    above = torch.lerp(by(low_v, low_u), by(low_v, high_u), share_u)
    below = torch.lerp(by(high_v, low_u), by(high_v, high_u), share_u)
    return torch.lerp(above, below, share_v[:, None])[:, None]


def _curves(levels: torch.Tensor, clip: torch.Tensor) -> torch.Tensor:
    """New values (B, tiles, bins) of the gray levels (B, h, w) in every tile."""
    count, rows, cols = levels.shape
    tile_v, tile_u = (torch.arange(n, device=levels.device) * TILES // n for n in (rows, cols))
    at = (tile_v[:, None] * TILES + tile_u) * BINS + levels
    counts = torch.zeros(count, TILES * TILES * BINS, device=levels.device)
    counts = counts.scatter_add_(1, at.flatten(1), torch.ones((), device=levels.device).expand(count, rows * cols))
    counts = counts.reshape(count, TILES * TILES, BINS)
    clipped = torch.minimum(counts, clip * counts.mean(2, keepdim=True))
    clipped = clipped + (counts - clipped).mean(2, keepdim=True)
    return (clipped.cumsum(2) - clipped / 2) / counts.sum(2, keepdim=True)


def _neighbors(pixels: int, device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each pixel along a side the two nearest tiles, and the second one's share of its value."""
    at = ((torch.arange(pixels, device=device) + 0.5) * TILES / pixels - 0.5).clamp(0, TILES - 1)
    low = at.long()
    return low, (low + 1).clamp(max=TILES - 1), at - low
