"""qMRMLThreeDWidget: a view node's 3D view."""

import slicer
from PySide6 import QtWidgets

from .offscreen import DisplayableView

MANAGERS = (
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLLinearTransformsDisplayableManager",
)


class ThreeDView(DisplayableView):
    """The scene in 3D."""

    def __init__(self, node, parent=None):
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory
        super().__init__(factory, MANAGERS, slicer.vtkMRMLThreeDViewInteractorStyle(), parent)
        self._node = node
        self._renderer.SetUseDepthPeeling(True)
        self._renderer.SetUseDepthPeelingForVolumes(True)
        self._renderer.GradientBackgroundOn()
        self._group.SetMRMLDisplayableNode(node)

    def mrmlViewNode(self):
        return self._node

    def cameraNode(self):
        return slicer.modules.cameras.logic().GetViewActiveCameraNode(self._node)

    def resetCamera(self, *_):
        self._renderer.ResetCamera()
        self.scheduleRender()

    def resetFocalPoint(self):
        """Look at the middle of what is visible."""
        bounds = [0.0] * 6
        self._renderer.ComputeVisiblePropBounds(bounds)
        if bounds[0] <= bounds[1]:
            middle = [(bounds[2 * i] + bounds[2 * i + 1]) / 2 for i in range(3)]
            self.cameraNode().SetFocalPoint(*middle)
        self.scheduleRender()


class ThreeDWidget(QtWidgets.QWidget):
    """As `layoutManager().threeDWidget(i)` returns it."""

    def __init__(self, node, parent=None):
        super().__init__(parent)
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.AddViewNode(node.GetLayoutName())  # finds the node that the layout made
        slicer.app.applicationLogic().GetViewLogics().AddItem(self._logic)
        self._view = ThreeDView(node)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    def threeDView(self):
        return self._view

    def threeDController(self):
        return self

    def viewLogic(self):
        return self._logic

    def mrmlViewNode(self):
        return self._view.mrmlViewNode()

    def close_view(self):
        slicer.app.applicationLogic().GetViewLogics().RemoveItem(self._logic)
        self._view.close_view()
