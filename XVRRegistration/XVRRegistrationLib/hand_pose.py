"""A pose in the X-ray's own terms: where the volume's center appears, how deep it lies, and the C-arm's angles."""

from dataclasses import dataclass

import numpy as np

from xvrcore import positioner, rigid

LEAST_DEPTH_MM = 1.0
"""A center nearer to the source than this, or behind it, appears nowhere."""


@dataclass(frozen=True)
class HandPose:
    """``right`` and ``down`` (mm on the detector) tell where the center appears, from the principal point along the
    stored columns and rows; ``depth`` (mm) is along the beam; angles are the C-arm's, in degrees."""

    right: float
    down: float
    depth: float
    roll: float
    primary: float
    secondary: float


def depthOf(rasFromCamera, centerRas):
    """How far (mm) the volume's center lies in front of the source."""
    return float(rigid.apply(rigid.inverse(rasFromCamera), centerRas)[2])


def handPoseOf(camera, centerRas):
    """The :class:`HandPose` of xvrcore's camera, which has the center in front of it."""
    x, y, z = rigid.apply(rigid.inverse(camera.ras_from_camera), centerRas)
    scale = camera.intrinsics.sdd_mm / z
    primary, secondary, roll = positioner.angles_of(camera.ras_from_camera)
    return HandPose(float(camera.intrinsics.direction * x * scale), float(y * scale), float(z), roll, primary,
                    secondary)


def poseOf(hand, intrinsics, centerRas):
    """``ras_from_camera`` (4x4) of a :class:`HandPose`."""
    scale = hand.depth / intrinsics.sdd_mm
    center = np.array([intrinsics.direction * hand.right * scale, hand.down * scale, hand.depth])
    pose = np.eye(4)
    pose[:3, :3] = positioner.ras_axes(hand.primary, hand.secondary, hand.roll)
    pose[:3, 3] = centerRas - pose[:3, :3] @ center
    return pose
