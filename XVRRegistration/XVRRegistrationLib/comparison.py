"""What is drawn for one pose: the DRR, and its comparison with the X-ray."""

from dataclasses import dataclass, field

import numpy as np

COARSE_PX, FINE_PX = 256, 768
"""Longer side of the DRR while the pose moves, and at rest."""


@dataclass(frozen=True)
class Drawing:
    """``intrinsics`` of the pictures' pixels; ``drr`` (rows, cols) and ``comparison`` (rows, cols, 3) or None."""

    intrinsics: object
    drr: np.ndarray = field(repr=False)
    inField: np.ndarray = field(repr=False)
    comparison: np.ndarray = field(repr=False)


class Artist:
    """Draws one reading of an X-ray; keeps what does not depend on the pose."""

    def __init__(self, xray):
        self.xray = xray
        self._grays = {}

    def draw(self, patient, camera, longest, overlayName):
        """A :class:`Drawing` at ``camera``; ``overlayName`` is one of ``Overlay``."""
        from xvrcore import overlay, pictures
        from xvrcore.camera import Camera

        stored = camera.intrinsics
        seen = pictures.scaled_to(min(longest, max(stored.rows, stored.cols)), stored)
        drr = pictures.render(patient.full.projector, Camera(seen, camera.ras_from_camera), int(longest <= COARSE_PX))
        gray, mask = self._gray(stored, seen)
        comparison = None
        if overlayName in _PAINTERS and mask.any():
            like = overlay.matched(overlay.enhanced(drr, mask), gray, mask)
            comparison = overlay.dimmed(_PAINTERS[overlayName](overlay, gray, like, mask), mask)
        return Drawing(seen, drr, mask, comparison)

    def _gray(self, stored, seen):
        from xvrcore import overlay, pictures

        key = (seen.rows, seen.cols)
        if key not in self._grays:
            mask = pictures.resampled(self.xray.mask, stored, seen) > 0.5
            image = pictures.resampled(self.xray.image, stored, seen)
            self._grays[key] = overlay.windowed(overlay.enhanced(image, mask), mask), mask
        return self._grays[key]


_PAINTERS = {
    "Edges": lambda overlay, gray, drr, mask: overlay.edges_over(gray, drr, mask),
    "Color": lambda overlay, gray, drr, mask: overlay.color_blend(gray, drr),
    "Checkerboard": lambda overlay, gray, drr, mask: overlay.checkerboard(gray, drr),
    "Difference": lambda overlay, gray, drr, mask: overlay.difference(gray, drr),
}
