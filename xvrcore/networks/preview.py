"""A picture of a range: views drawn from it side by side, rendered on the CPU."""

import io

import numpy as np
from PIL import Image

from xvrcore.camera import Camera, Intrinsics
from xvrcore.networks.ranges import PoseRange
from xvrcore.pictures import render, scaled_to
from xvrcore.render import Projector

ACROSS, DOWN = 6, 3
TILE_PX = 96


def sampled_views(projector: Projector, pose_range: PoseRange, center_ras: np.ndarray, example: Intrinsics,
                  seed: int = 0) -> np.ndarray:
    """DRRs (18, h, w) of poses drawn from a range, as a detector like an example X-ray's sees them."""
    seen = scaled_to(TILE_PX, example)
    poses = pose_range.sample(ACROSS * DOWN, center_ras, np.random.default_rng(seed))
    return np.stack([render(projector, Camera(seen, pose)) for pose in poses])


def contact_sheet(views: np.ndarray, zoom: int = 1) -> bytes:
    """PNG of 18 views (18, h, w) side by side, each in its own contrast, what attenuates bright."""
    low, high = np.percentile(views, [1, 99], axis=(1, 2), keepdims=True)
    tiles = (255 * np.clip((views - low) / np.maximum(high - low, 1e-6), 0, 1)).astype(np.uint8)
    rows, cols = tiles.shape[1:]
    sheet = tiles.reshape(DOWN, ACROSS, rows, cols).transpose(0, 2, 1, 3).reshape(DOWN * rows, ACROSS * cols)
    picture = Image.fromarray(sheet).resize((zoom * sheet.shape[1], zoom * sheet.shape[0]), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
