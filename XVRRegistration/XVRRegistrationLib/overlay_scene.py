"""DRR, comparison, outlines and projected landmarks as nodes in the camera's frame."""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode, putIntoFolder
from XVRCommonLib.volumes import matrixFromArray

from . import layouts
from .parameters import Overlay
from .xray_scene import cameraFromIjk, setWindow

OUTLINE = "XVR.outline"
"""Role of the pose's references to its outline models, and their attribute with the segment's ID."""
FILL_OPACITY = 0.4
LIFTED_MM = 0.5
"""Outlines hover so far over the detector, towards the source, so that the image does not hide them in 3D."""


class OverlayScene:
    """Shows what was drawn for the X-ray that the parameters name."""

    def __init__(self, parameters):
        self.p = parameters

    def show(self, drawing):
        """A :class:`.comparison.Drawing`."""
        place = matrixFromArray(cameraFromIjk(drawing.intrinsics))
        slicer.util.updateVolumeFromArray(self.p.drr, drawing.drr[np.newaxis])
        self.p.drr.SetIJKToRASMatrix(place)
        setWindow(self.p.drr, drawing.drr[drawing.inField])
        if drawing.comparison is not None:
            slicer.util.updateVolumeFromArray(self.p.comparison, drawing.comparison[np.newaxis])
            self.p.comparison.SetIJKToRASMatrix(place)

    # ------------------------------------------------------------ X-ray and DRR

    def compose(self, composite, flickerOn=True):
        """Put DRR or comparison over the X-ray in its slice view, as the parameters say."""
        if composite is None:
            return
        mode = self.p.overlay
        layered = mode in (Overlay.Blend, Overlay.Flicker)
        node = self.p.drr if layered else self.p.comparison
        shown = node is not None and node.GetImageData() is not None
        composite.SetForegroundVolumeID(node.GetID() if shown else None)
        opacity = self.p.blend if mode == Overlay.Blend else float(flickerOn) if mode == Overlay.Flicker else 1.0
        composite.SetForegroundOpacity(opacity)

    # ------------------------------------------------------------ outlines

    def outlineModels(self):
        """By segment ID, the models that exist."""
        pose = self.p.pose
        if pose is None:
            return {}
        nodes = [pose.GetNthNodeReference(OUTLINE, i) for i in range(pose.GetNumberOfNodeReferences(OUTLINE))]
        return {node.GetAttribute(OUTLINE): node for node in nodes if node is not None}

    def removeOutlines(self):
        for model in self.outlineModels().values():
            slicer.mrmlScene.RemoveNode(model)

    def showOutlines(self, outlines, segmentIds, intrinsics):
        """The core's outlines, in the order of the segments' IDs, as one model for each."""
        models = self.outlineModels()
        for segmentId in set(models) - set(segmentIds):
            slicer.mrmlScene.RemoveNode(models.pop(segmentId))
        for segmentId, outline in zip(segmentIds, outlines, strict=True):
            model = models.get(segmentId) or self._newModel(segmentId, outline.segment.name)
            model.SetAndObservePolyData(polyDataOf(outline.polylines, intrinsics, self.p.fillOutlines))
        self.updateDisplay()

    def _newModel(self, segmentId, name):
        model = newNode("vtkMRMLModelNode", _("Projected {name}").format(name=name))
        model.SetAttribute(OUTLINE, segmentId)
        model.SetAndObserveTransformNodeID(self.p.pose.GetID())
        self.p.pose.AddNodeReferenceID(OUTLINE, model.GetID())
        model.CreateDefaultDisplayNodes()
        display = model.GetDisplayNode()
        display.SetSliceDisplayModeToProjection()
        display.SetVisibility2D(True)
        display.SetLineWidth(2)
        display.SetSliceIntersectionThickness(2)
        display.SetLighting(False)
        display.SetViewNodeIDs((layouts.SLICE_NODE_ID, layouts.THREED_NODE_ID))
        return model

    def shownSegments(self):
        """Names of the segments that are visible."""
        node = self.p.segmentation
        if node is None:
            return ()
        content = node.GetSegmentation()
        ids = [content.GetNthSegmentID(i) for i in range(content.GetNumberOfSegments())]
        return tuple(content.GetSegment(one).GetName() for one in ids if _isShown(node, one))

    def updateDisplay(self):
        """Names, colors and visibility follow the segmentation's."""
        segmentationNode = self.p.segmentation
        for segmentId, model in self.outlineModels().items():
            segment = segmentationNode.GetSegmentation().GetSegment(segmentId) if segmentationNode else None
            display = model.GetDisplayNode()
            if segment is None:
                continue
            model.SetName(_("Projected {name}").format(name=segment.GetName()))
            display.SetColor(*segment.GetColor())
            display.SetOpacity(FILL_OPACITY if self.p.fillOutlines else 1.0)
            display.SetSliceIntersectionOpacity(FILL_OPACITY if self.p.fillOutlines else 1.0)
            display.SetVisibility(_isShown(segmentationNode, segmentId) and self.p.showOutlines)

    # ------------------------------------------------------------ landmarks

    def showLandmarks(self, camera):
        """Points of the volume where the X-ray should show them."""
        points3d = self.p.points3d
        if points3d is None or camera is None or not self.p.showLandmarks:
            if self.p.projectedPoints is not None:
                self.p.projectedPoints.SetDisplayVisibility(False)
            return
        node = self.p.projectedPoints or self._newPoints()
        node.RemoveAllControlPoints()
        points = slicer.util.arrayFromMarkupsControlPoints(points3d, world=True)
        if len(points):
            pixels, depth = camera.project(points)
            local = camera.intrinsics.detector_points(pixels[:, 0], pixels[:, 1])
            for i in np.flatnonzero(depth > 0).tolist():
                node.AddControlPoint(*local[i].tolist(), points3d.GetNthControlPointLabel(i))
        node.SetDisplayVisibility(True)

    def _newPoints(self):
        node = self.p.projectedPoints = newNode("vtkMRMLMarkupsFiducialNode", _("Projected landmarks"))
        node.SetAndObserveTransformNodeID(self.p.pose.GetID())
        node.SetLocked(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSelectedColor(0.2, 0.9, 1.0)
        display.SetGlyphTypeFromString("Cross2D")
        display.SetSliceProjection(True)
        display.SetViewNodeIDs((layouts.SLICE_NODE_ID,))
        putIntoFolder(node)
        return node


def _isShown(segmentationNode, segmentId):
    display = segmentationNode.GetDisplayNode()
    return display is None or bool(display.GetVisibility() and display.GetSegmentVisibility(segmentId))


def polyDataOf(polylines, intrinsics, filled):
    """Closed polylines (N, 2) of stored pixels as lines, or as filled polygons, in the camera's frame."""
    points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
    for polyline in polylines:
        local = intrinsics.detector_points(polyline[:, 0], polyline[:, 1]) - [0, 0, LIFTED_MM]
        first = points.GetNumberOfPoints()
        for point in local.tolist():
            points.InsertNextPoint(point)
        ids = [*range(first, first + len(local)), first]
        lines.InsertNextCell(len(ids), ids)
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    data.SetLines(lines)
    if not filled or not polylines:
        return data
    fill = vtk.vtkContourTriangulator()
    fill.SetInputData(data)
    fill.Update()
    return fill.GetOutput()
