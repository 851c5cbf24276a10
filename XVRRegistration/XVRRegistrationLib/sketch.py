"""What there is to draw for one pose; its methods compute in the worker's thread and touch nothing of the scene."""

from dataclasses import dataclass, field

OUTLINES_PX = 512


@dataclass(frozen=True)
class Sketch:
    """``camera`` is the core's; ``longest`` the longer side of the DRR in pixels; ``segments`` are the core's
    segmentation and the segments' IDs, or None where no outlines are wanted."""

    camera: object
    artist: object = field(repr=False)
    prepared: object = field(repr=False)
    overlayName: str = ""
    longest: int = 0
    segments: tuple | None = field(default=None, repr=False)

    @property
    def segmentIds(self):
        return self.segments[1]

    def picture(self):
        """The :class:`.comparison.Drawing`."""
        return self.artist.draw(self.prepared.patient(), self.camera, self.longest, self.overlayName)

    def outlines(self):
        """The core's outlines of the segments, or None where none are wanted."""
        from xvrcore.outlines import segment_outlines

        if self.segments is None:
            return None
        return segment_outlines(self.segments[0], self.camera, min(self.longest, OUTLINES_PX))

    def everything(self):
        """(picture, outlines)."""
        return self.picture(), self.outlines()
