"""The X-ray in the scene: its image, field and beam stand in the camera's frame, under the pose transform."""

import json
from dataclasses import asdict

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode, putIntoFolder
from XVRCommonLib.volumes import arrayFromMatrix, matrixFromArray
from xvrcore import rigid
from xvrcore.camera import Camera, Intrinsics
from xvrcore.errors import InputError

from . import layouts
from .beam import beamOf

INTRINSICS = "XVR.intrinsics"
"""Attribute of the image node: JSON of xvrcore's intrinsics, so that a loaded scene needs no file."""
POLARITY = "XVR.polarity"
BEAM_COLOR = (0.88, 0.44, 0.07)
SHOWN_PERCENTILES = (0.5, 99.5)


class XrayScene:
    """The nodes of one X-ray, as the parameters name them; made when first needed."""

    def __init__(self, parameters):
        self.p = parameters
        self._seenFrom = None

    # ------------------------------------------------------------ reading in and out

    def show(self, xray, name):
        """Show one reading of an X-ray (:class:`xvrcore.xray.Xray`) at the present pose."""
        self._ensureNodes(name)
        self._setIntrinsics(xray.intrinsics)
        self.p.image.SetAttribute(POLARITY, str(xray.polarity))
        slicer.util.updateVolumeFromArray(self.p.image, xray.image[np.newaxis])
        slicer.util.updateVolumeFromArray(self.p.field, xray.mask[np.newaxis].astype(np.uint8))
        setWindow(self.p.image, xray.image[xray.mask])

    def reading(self):
        """The :class:`xvrcore.xray.Xray` that is shown, or None."""
        from xvrcore.positioner import Positioner
        from xvrcore.xray import Xray

        intrinsics = self.intrinsics()
        if intrinsics is None:
            return None
        image, mask = (slicer.util.arrayFromVolume(node)[0] for node in (self.p.image, self.p.field))
        return Xray(image.copy(), mask > 0, intrinsics, Positioner(), int(self.p.image.GetAttribute(POLARITY)))

    def isLike(self, xray):
        """Whether what is shown takes the same flip and polarity for granted as a reading."""
        shown = self.intrinsics()
        return shown is not None and shown.flipped == xray.intrinsics.flipped and \
            self.p.image.GetAttribute(POLARITY) == str(xray.polarity)

    def intrinsics(self):
        """What the shown image is known to be, or None where none is shown."""
        if self.p.image is None or self.p.field is None or self.p.pose is None:
            return None
        known = self.p.image.GetAttribute(INTRINSICS)
        if not known:
            return None
        values = json.loads(known)
        return Intrinsics(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})

    def camera(self):
        """The :class:`xvrcore.camera.Camera` of the shown X-ray, or None.

        :raises InputError: the pose transform is no rigid motion, or not linear.
        """
        intrinsics = self.intrinsics()
        if intrinsics is None:
            return None
        return Camera(intrinsics, rigid.require_rigid(self.rasFromCamera(), self.p.pose.GetName()))

    def isPlaced(self):
        """Whether an X-ray is shown, at a pose that is a rigid motion."""
        try:
            return self.camera() is not None
        except InputError:
            return False

    def rasFromCamera(self):
        matrix = vtk.vtkMatrix4x4()
        if not self.p.pose.IsTransformToWorldLinear():
            raise InputError(_("{name} is under a transform that is not linear; remove it.").format(
                name=self.p.pose.GetName()))
        self.p.pose.GetMatrixTransformToWorld(matrix)
        return arrayFromMatrix(matrix)

    def setPose(self, rasFromCamera):
        """Move the C-arm; whatever transform the pose stands under stays."""
        parent = self.p.pose.GetParentTransformNode()
        matrix = vtk.vtkMatrix4x4()
        if parent is not None:
            parent.GetMatrixTransformToWorld(matrix)
        self.p.pose.SetMatrixTransformToParent(
            matrixFromArray(np.linalg.inv(arrayFromMatrix(matrix)) @ rasFromCamera))

    def setFlipped(self, flipped):
        """Read the stored pixels as they are, or as their mirror image."""
        intrinsics = self.intrinsics()
        if intrinsics.flipped != flipped:
            self._setIntrinsics(intrinsics.mirrored())
            self.look()

    # ------------------------------------------------------------ nodes

    def cameraNodes(self):
        """The nodes that stand in the camera's frame."""
        p = self.p
        return [node for node in (p.image, p.field, p.drr, p.comparison, p.beam, p.projectedPoints) if node is not None]

    def _ensureNodes(self, name):
        p = self.p
        if p.pose is None:
            p.pose = newNode("vtkMRMLLinearTransformNode", _("C-arm pose"))
        if p.image is None:
            p.image = newNode("vtkMRMLScalarVolumeNode", name)
        if p.field is None:
            p.field = newNode("vtkMRMLLabelMapVolumeNode", _("X-ray field"))
        if p.drr is None:
            p.drr = newNode("vtkMRMLScalarVolumeNode", _("DRR"))
        if p.comparison is None:
            p.comparison = newNode("vtkMRMLVectorVolumeNode", _("X-ray against DRR"))
        if p.beam is None:
            p.beam = newNode("vtkMRMLModelNode", _("X-ray beam"))
        p.image.SetName(name)
        for node in self.cameraNodes():
            node.SetAndObserveTransformNodeID(p.pose.GetID())
            putIntoFolder(node)
        putIntoFolder(p.pose)

    def _setIntrinsics(self, intrinsics):
        p, known = self.p, self.intrinsics()
        if known is not None and known.flipped != intrinsics.flipped:
            self._mirrorPoints()
        p.image.SetAttribute(INTRINSICS, json.dumps(asdict(intrinsics)))
        matrix = matrixFromArray(cameraFromIjk(intrinsics))
        p.image.SetIJKToRASMatrix(matrix)
        p.field.SetIJKToRASMatrix(matrix)
        p.beam.SetAndObservePolyData(beamOf(intrinsics))
        if p.beam.GetDisplayNode() is None:
            p.beam.CreateDefaultDisplayNodes()
            display = p.beam.GetDisplayNode()
            display.SetColor(*BEAM_COLOR)
            display.SetLineWidth(2)
            display.SetVisibility2D(False)

    def _mirrorPoints(self):
        """Keep the points that were placed on the image at their pixels."""
        node = self.p.points2d
        if node is not None and node.GetParentTransformNode() is self.p.pose:
            points = slicer.util.arrayFromMarkupsControlPoints(node)
            slicer.util.updateMarkupsControlPointsFromArray(node, points * [-1, 1, 1])

    # ------------------------------------------------------------ views

    def rasFromIjk(self):
        return self.rasFromCamera() @ cameraFromIjk(self.intrinsics())

    def showLayers(self):
        """Image and field in the X-ray's slice view, and that in the 3D view."""
        widget = layouts.xrayWidget()
        if widget is None:
            return
        composite = widget.sliceLogic().GetSliceCompositeNode()
        composite.SetDoPropagateVolumeSelection(False)
        composite.SetBackgroundVolumeID(self.p.image.GetID())
        self.showField(self.p.showField)
        sliceNode = widget.mrmlSliceNode()
        sliceNode.SetUseLabelOutline(True)
        sliceNode.SetSliceVisible(True)
        if not sliceNode.IsThreeDViewIDPresent(layouts.THREED_NODE_ID):
            sliceNode.AddThreeDViewID(layouts.THREED_NODE_ID)

    def showInView(self):
        """:meth:`showLayers`, the whole image face on, and the whole C-arm in 3D."""
        self.showLayers()
        intrinsics = self.intrinsics()
        layouts.lookAt(self.rasFromIjk(), intrinsics.cols, intrinsics.rows)
        layouts.lookFromAside(self.rasFromCamera(), intrinsics.sdd_mm)
        self._seenFrom = self.rasFromCamera()

    def showField(self, shown):
        composite = self.composite()
        if composite is not None:
            composite.SetLabelVolumeID(self.p.field.GetID() if shown and self.p.field else None)

    def composite(self):
        widget = layouts.xrayWidget()
        return None if widget is None else widget.sliceLogic().GetSliceCompositeNode()

    def look(self):
        """Keep the slice view on the detector after the pose has changed, seeing the same part of the image."""
        sliceNode = slicer.mrmlScene.GetNodeByID(layouts.SLICE_NODE_ID)
        if sliceNode is None or self.intrinsics() is None:
            return
        pose, seen = self.rasFromCamera(), arrayFromMatrix(sliceNode.GetSliceToRAS())[:, 3]
        center = np.linalg.inv(pose if self._seenFrom is None else self._seenFrom) @ seen
        center[2] = self.intrinsics().sdd_mm
        placed = self.rasFromIjk()
        placed[:, 3] = pose @ center
        layouts.faceOn(placed)
        self._seenFrom = pose

    def showHandles(self, shown, centerRas):
        """The pose transform's own handles in the 3D view, turning about a point of the patient."""
        pose = self.p.pose
        pose.CreateDefaultDisplayNodes()
        display = pose.GetDisplayNode()
        display.SetEditorScalingEnabled(False)
        display.SetEditorSliceIntersectionVisibility(False)
        if centerRas is not None:
            center = np.linalg.inv(self.rasFromCamera()) @ np.r_[centerRas, 1]
            pose.SetCenterOfTransformation(*center[:3].tolist())
        if not display.IsViewNodeIDPresent(layouts.THREED_NODE_ID):
            display.AddViewNodeID(layouts.THREED_NODE_ID)
        display.SetEditorVisibility(shown)
        display.SetEditorVisibility3D(shown)


def cameraFromIjk(intrinsics):
    return Camera(intrinsics, np.eye(4)).ras_from_ijk


def setWindow(node, values):
    """Show the middle of the values' range, black to white."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    low, high = np.percentile(values, SHOWN_PERCENTILES) if values.size else (0, 1)
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low), float(max(high, low + 1e-6)))
