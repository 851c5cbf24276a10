"""The patient as training will see it: the volume, or the visible segments of it alone."""

from dataclasses import dataclass, field, replace

import numpy as np
from slicer.i18n import tr as _

from XVRCommonLib.volumes import coreSegmentation, coreVolume, stateOf

CHOSEN = "Segment 1"
"""What xvrcore calls the only label of a map without names: all segments that are trained on."""


@dataclass(eq=False)
class Subject:
    """Copies of what the scene shows. ``segments`` holds the chosen segments as one label, or None for all there is."""

    volume: object = field(repr=False)
    segments: object = field(default=None, repr=False)
    _projector: object = field(default=None, repr=False)

    def projector(self):
        """Renders it on the CPU; takes its time when called first, in the worker's thread."""
        from xvrcore.attenuation import attenuation_from_ct, attenuation_from_mr
        from xvrcore.render import make_projector
        from xvrcore.segments import restrict_to

        if self._projector is None:
            make = attenuation_from_mr if self.volume.quantity == "MR" else attenuation_from_ct
            attenuation = make(self.volume)
            if self.segments is not None:
                attenuation = restrict_to(attenuation, self.segments, [CHOSEN])
            self._projector = make_projector(attenuation, "joseph")
        return self._projector


class SubjectSource:
    """Copies volume and segments in the main thread when they have changed."""

    def __init__(self):
        self._state, self._subject = None, None

    def subject(self, p):
        """The :class:`Subject`, the same one until a node changes.

        :raises InputError: the volume is no usable CT or MR, or the segmentation is empty.
        """
        state = stateOf(p.ct, p.modality), _segmentState(p.segmentation)
        if state != self._state:
            volume = coreVolume(p.ct, p.modality)
            self._subject = Subject(volume, _chosenSegments(p.segmentation, p.ct))
            self._state = state
        return self._subject


def visibleSegments(node):
    """IDs of the segments that are shown; all, where the display says nothing."""
    ids = [node.GetSegmentation().GetNthSegmentID(i) for i in range(node.GetSegmentation().GetNumberOfSegments())]
    display = node.GetDisplayNode()
    return [one for one in ids if display is None or display.GetSegmentVisibility(one)]


def segmentsInWords(node):
    """Which segments are trained on; empty where there is no segmentation."""
    if node is None:
        return ""
    names = [node.GetSegmentation().GetSegment(one).GetName() for one in visibleSegments(node)]
    return _("Only the visible segments are trained on: {names}.").format(names=", ".join(names) or _("none"))


def _segmentState(node):
    return None if node is None else (node.GetID(), node.GetSegmentation().GetMTime(), tuple(visibleSegments(node)))


def _chosenSegments(node, volumeNode):
    from xvrcore.errors import InputError
    from xvrcore.segments import Segment

    if node is None:
        return None
    shown = visibleSegments(node)
    if not shown:
        raise InputError(_("No segment of {name} is visible; show those to train on, or choose no "
                           "segmentation.").format(name=node.GetName()))
    whole, ids = coreSegmentation(node, volumeNode)
    values = [segment.value for segment, one in zip(whole.segments, ids, strict=True) if one in shown]
    labels = whole.labels.with_values(np.isin(whole.labels.values, values).astype(np.uint8), "labels")
    return replace(whole, labels=labels, segments=(Segment(1, CHOSEN, (1.0, 1.0, 1.0)),))
