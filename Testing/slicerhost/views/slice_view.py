"""qMRMLSliceWidget: a slice logic, its view, and a slider for the offset."""

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .offscreen import DisplayableView

MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLLinearTransformsDisplayableManager",
)


class SliceView(DisplayableView):
    """The picture that the slice logic blends, with the displayable managers' drawings on top."""

    def __init__(self, node, logic, parent=None):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory
        super().__init__(factory, MANAGERS, slicer.vtkMRMLSliceViewInteractorStyle(), parent)
        self._node, self._logic = node, logic
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._add_overlay_layer()
        self._mapper, actor = vtk.vtkImageMapper(), vtk.vtkActor2D()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._actor = actor
        self._renderer.AddViewProp(actor)
        self._style.SetSliceLogic(logic)
        self._group.SetMRMLDisplayableNode(node)
        self._tags.append((logic, logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_pipeline)))
        self._on_pipeline()

    def _add_overlay_layer(self):
        overlay = vtk.vtkRenderer()
        overlay.GetActiveCamera().ParallelProjectionOn()
        overlay.SetLayer(1)
        self._window.SetNumberOfLayers(2)
        self._window.AddRenderer(overlay)

    def _on_pipeline(self, *_):
        connection = self._logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        self.scheduleRender()

    def mrmlSliceNode(self):
        return self._node


class SliceWidget(QtWidgets.QWidget):
    """As `layoutManager().sliceWidget(name)` returns it."""

    def __init__(self, node, parent=None):
        super().__init__(parent)
        self._node = node
        application_logic = slicer.app.applicationLogic()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(application_logic)
        self._logic.SetMRMLScene(slicer.mrmlScene)
        self._logic.SetSliceNode(node)
        application_logic.GetSliceLogics().AddItem(self._logic)
        self._view = SliceView(node, self._logic)
        self._view.resized.connect(self._on_resized)
        self._slider, self._label = (
            QtWidgets.QSlider(QtCore.Qt.Horizontal),
            QtWidgets.QLabel(node.GetLayoutLabel() or ""),
        )
        self._slider.setRange(0, 1000)
        self._slider.sliderMoved.connect(self._on_slider)
        self._lay_out()
        scene = slicer.mrmlScene
        self._tag = scene.AddObserver(scene.EndBatchProcessEvent, lambda *_: self._on_resized())
        self._on_resized()

    def _lay_out(self):
        bar, layout = QtWidgets.QHBoxLayout(), QtWidgets.QVBoxLayout(self)
        color = [int(255 * c) for c in self._node.GetLayoutColor()]
        self._label.setStyleSheet(f"background: rgb({color[0]}, {color[1]}, {color[2]}); padding: 1px 6px")
        bar.addWidget(self._label)
        bar.addWidget(self._slider, 1)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self._view, 1)

    def _on_resized(self, *_):
        """Also when a scene is closed or loaded: the slice node has to know the view's size again."""
        self._logic.ResizeSliceNode(self._view.width, self._view.height)

    def _on_slider(self, position):
        bounds = [0.0] * 6
        self._logic.GetSliceBounds(bounds)
        self._logic.SetSliceOffset(bounds[4] + (bounds[5] - bounds[4]) * position / 1000)

    def sliceLogic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._node

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceView(self):
        return self._view

    def sliceController(self):
        return self

    def interactorStyle(self):
        return self._view.interactorStyle()

    def fitSliceToBackground(self):
        self._logic.FitSliceToBackground()

    def close_view(self):
        slicer.mrmlScene.RemoveObserver(self._tag)
        slicer.app.applicationLogic().GetSliceLogics().RemoveItem(self._logic)
        self._view.close_view()
