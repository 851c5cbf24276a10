"""qMRMLTransformSliders and qMRMLMatrixWidget."""

import numpy as np
import slicer
import vtk
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .base import SceneObserver, prop, stand_in
from .ctk_numbers import ctkSliderWidget


class _TransformObserver:
    """Keeps `_node` and calls `_show` with its 4x4 matrix to parent when that changes."""

    _node = None
    _tag = None

    def setMRMLTransformNode(self, node):
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            event = slicer.vtkMRMLTransformNode.TransformModifiedEvent
            self._tag = node.AddObserver(event, lambda *_: self._refresh())
        self._refresh()

    def _refresh(self):
        self.setEnabled(self._node is not None)
        self._show(slicer.util.arrayFromTransformMatrix(self._node) if self._node is not None else np.eye(4))

    def _release(self):
        if self._node is not None:
            self.setMRMLTransformNode(None)


@stand_in()
class qMRMLTransformSliders(QtWidgets.QGroupBox, SceneObserver, _TransformObserver):
    """Three sliders: translations in mm, or rotations in degrees about the center of transformation.

    Rotation sliders turn the node by what they move and have no place of their own, as in Slicer.
    """

    valuesChanged = Signal()
    rangeChanged = Signal(float, float)
    TRANSLATION, ROTATION, BOTH = 0, 1, 2
    GLOBAL, LOCAL = 0, 1

    def __init__(self, parent=None):
        super().__init__(parent)
        self._busy, self._angles = False, [0.0, 0.0, 0.0]
        layout = QtWidgets.QFormLayout(self)
        self._sliders = [ctkSliderWidget() for _ in range(3)]
        for axis, (label, slider) in enumerate(zip(("LR", "PA", "IS"), self._sliders, strict=True)):
            slider.setRange(-200.0, 200.0)
            slider.valueChanged.connect(lambda value, axis=axis: self._moved(axis, value))
            layout.addRow(label, slider)
        self.setEnabled(False)

    def _scene_changed(self):
        if self._scene is None:
            _TransformObserver._release(self)

    Title = prop(str, "Title", "", "_apply")
    TypeOfTransform = prop(int, "TypeOfTransform", 0, "_apply")
    CoordinateReference = prop(int, "CoordinateReference", 0)
    minMaxVisible = prop(bool, "minMaxVisible", True)
    SingleStep = prop(float, "SingleStep", 1.0)

    def _apply(self):
        self.setTitle(self.Title)
        limit = 180.0 if self.TypeOfTransform == self.ROTATION else 200.0
        self.setRange(-limit, limit)

    def setRange(self, low, high):
        for slider in self._sliders:
            slider.setRange(low, high)
        self.rangeChanged.emit(low, high)

    def _show(self, matrix):
        if self._busy or self.TypeOfTransform == self.ROTATION:
            return
        self._busy = True
        for slider, value in zip(self._sliders, matrix[:3, 3], strict=True):
            slider.value = float(value)
        self._busy = False

    def _moved(self, axis, value):
        if self._busy or self._node is None:
            return
        self._busy = True
        matrix = slicer.util.arrayFromTransformMatrix(self._node)
        if self.TypeOfTransform == self.ROTATION:
            turn = self._rotation(axis, value - self._angles[axis])
            matrix = matrix @ turn if self.CoordinateReference == self.LOCAL else turn @ matrix
            self._angles[axis] = value
        else:
            matrix[axis, 3] = value
        slicer.util.updateTransformMatrixFromArray(self._node, matrix)
        self._busy = False
        self.valuesChanged.emit()

    def _rotation(self, axis, degrees):
        center = np.array(self._node.GetCenterOfTransformation())
        transform = vtk.vtkTransform()
        transform.Translate(*center)
        transform.RotateWXYZ(degrees, *np.eye(3)[axis])
        transform.Translate(*-center)
        return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())

    def reset(self):
        self._busy = True
        self._angles = [0.0, 0.0, 0.0]
        for slider in self._sliders:
            slider.value = 0.0
        self._busy = False


@stand_in()
class qMRMLMatrixWidget(QtWidgets.QTableWidget, _TransformObserver):
    """The 4x4 matrix to parent. Has no scene slot, in Slicer neither."""

    matrixChanged = Signal()

    def __init__(self, parent=None):
        super().__init__(4, 4, parent)
        self.setMaximumHeight(140)

    def _show(self, matrix):
        for i in range(4):
            for j in range(4):
                self.setItem(i, j, QtWidgets.QTableWidgetItem(f"{matrix[i, j]:.2f}"))
        self.matrixChanged.emit()
