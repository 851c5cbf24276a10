"""What the session follows in the scene, so that changes made elsewhere are drawn too."""

import slicer
import vtk

from .node_follower import NodeFollower

SEGMENT_CONTENT = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved,
                   slicer.vtkSegmentation.SourceRepresentationModified)
"""Events of a segmentation node after which it has to be projected anew."""


class SceneWatch:
    """Observes the nodes that a :class:`.session.Session`'s parameters name, and no others."""

    def __init__(self, session):
        self.session, self._nodes = session, NodeFollower()

    def close(self):
        self._nodes.close()

    def update(self):
        """Follow the nodes that the parameters name now."""
        p, carm = self.session.p, self.session.carm
        transform, modified = slicer.vtkMRMLTransformNode.TransformModifiedEvent, vtk.vtkCommand.ModifiedEvent
        wanted = {("pose", transform): (p.pose, carm.onPose), ("ct", transform): (p.ct, self._onVolume)}
        if p.browser is not None:
            wanted["browser", modified] = (p.browser, self._onBrowser)
        if p.segmentation is not None:
            for event in SEGMENT_CONTENT:
                wanted["segments", event] = (p.segmentation, self._onSegments)
            wanted["segmentNames", slicer.vtkSegmentation.SegmentModified] = (p.segmentation, self._onSegmentsShown)
            wanted["segmentsShown", modified] = (p.segmentation.GetDisplayNode(), self._onSegmentsShown)
        if p.points3d is not None:
            wanted["points", p.points3d.PointModifiedEvent] = (p.points3d, self._onPoints)
        self._nodes.follow(wanted)

    def _onBrowser(self, caller=None, event=None):
        session = self.session
        if session.p.poses is not None and not session.frames.isShown() and not session.worker.busy:
            session.p.frame = session.frames.selected

    def _onVolume(self, caller=None, event=None):
        self.session.carm.draw()

    def _onSegments(self, caller=None, event=None):
        self.session.drawer.segmentsChanged()
        self.session.carm.draw()

    def _onSegmentsShown(self, caller=None, event=None):
        self.session.overlay.updateDisplay()

    def _onPoints(self, caller=None, event=None):
        self.session.overlay.showLandmarks(self.session.xray.camera())
