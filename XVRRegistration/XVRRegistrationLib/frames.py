"""The frames of a sequence: each has its own pose, kept in a transform sequence of the same browser."""

import json

import slicer
import vtk
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import putIntoFolder

REGISTERED = "XVR.registered"
"""Attribute of the pose sequence: JSON of frame number to verdict."""


class Frames:
    """The browser and the pose sequence that the parameters name."""

    def __init__(self, parameters):
        self.p = parameters

    @property
    def count(self):
        return self.p.browser.GetNumberOfItems() if self.p.browser is not None and self.p.poses is not None else 1

    @property
    def selected(self):
        return max(0, self.p.browser.GetSelectedItemNumber())

    def select(self, frame):
        if self.count > 1 and self.selected != frame:
            self.p.browser.SetSelectedItemNumber(frame)

    def isShown(self):
        """Whether the frame that the parameters name is the one that is shown: its pose alone may be moved."""
        return self.count == 1 or self.selected == self.p.frame

    def verdicts(self):
        """Frame number to verdict, of the frames registered so far."""
        known = self.p.poses.GetAttribute(REGISTERED) if self.p.poses is not None else None
        return {int(frame): verdict for frame, verdict in json.loads(known or "{}").items()}

    def note(self, frame, verdict):
        if self.count > 1:
            self.p.poses.SetAttribute(REGISTERED, json.dumps({**self.verdicts(), frame: verdict}))

    def arrange(self, count):
        """A pose for each of ``count`` frames, all where the C-arm is now; True if they were made just now.

        The pose sequence joins the browser that shows the X-ray; for a file with several frames it gets its own.
        """
        own = browserOf(self.p.xraySource) if self.p.xraySource is not None else None
        if self.p.poses is not None and self.p.poses.GetNumberOfDataNodes() == count and \
                (own is None or own is self.p.browser):
            return False
        old, poses = self.p.pose, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", _("C-arm poses"))
        poses.SetIndexName("frame")
        poses.SetIndexUnit("")
        master = own.GetMasterSequenceNode() if own is not None else None
        for frame in range(count):
            poses.SetDataNodeAtValue(old, master.GetNthIndexValue(frame) if master is not None else str(frame))
        browser = own or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", _("X-ray frames"))
        if own is None:
            browser.SetAndObserveMasterSequenceNodeID(poses.GetID())
        else:
            browser.AddSynchronizedSequenceNode(poses)
        browser.SetSaveChanges(poses, True)
        slicer.modules.sequences.logic().UpdateAllProxyNodes()
        with slicer.util.NodeModify(self.p):  # nobody hears of it before all are named
            self._adopt(browser.GetProxyNode(poses), old)
            self.p.browser, self.p.poses = browser, poses
        return True

    def spreadPose(self):
        """Let all frames stand where the shown one does."""
        matrix = vtk.vtkMatrix4x4()
        self.p.pose.GetMatrixTransformToParent(matrix)
        for frame in range(self.count if self.count > 1 else 0):
            self.p.poses.GetNthDataNode(frame).SetMatrixTransformToParent(matrix)

    def _adopt(self, pose, old):
        """Let the browser's transform carry what stood under the pose so far."""
        for i in range(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTransformableNode")):
            node = slicer.mrmlScene.GetNthNodeByClass(i, "vtkMRMLTransformableNode")
            if node.GetParentTransformNode() is old:
                node.SetAndObserveTransformNodeID(pose.GetID())
        self.p.pose = pose
        pose.SetName(_("C-arm pose"))
        putIntoFolder(pose)
        slicer.mrmlScene.RemoveNode(old)


def browserOf(node):
    """The sequence browser that a node is shown by, or None."""
    return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(node)
