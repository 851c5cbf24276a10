"""Sequence play and seek, markups placement, window/level."""

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .base import SceneObserver, computed, prop, row, stand_in
from .mrml_selectors import qMRMLNodeComboBox


class _BrowserObserver(SceneObserver):
    """Keeps `_browser`, which Python cannot ask for, in Slicer neither; calls `_refresh` when it changes."""

    _browser = None
    _tag = None

    def setMRMLSequenceBrowserNode(self, browser):
        if self._browser is not None:
            self._browser.RemoveObserver(self._tag)
        self._browser = browser
        if browser is not None:
            self._tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._refresh())
        self._refresh()

    def _scene_changed(self):
        gone = self._browser is not None and (self._scene is None or not self._scene.IsNodePresent(self._browser))
        if gone:
            self.setMRMLSequenceBrowserNode(None)


@stand_in()
class qMRMLSequenceBrowserPlayWidget(QtWidgets.QWidget, _BrowserObserver):
    """First, previous, play, next, last. Playing itself is the Sequences module's timer, which the host lacks."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._buttons = {}
        for name, text in (("first", "|◀"), ("previous", "◀"), ("play", "▶▶"), ("next", "▶"), ("last", "▶|")):
            button = QtWidgets.QToolButton()
            button.text = text
            button.clicked.connect(lambda _checked=False, name=name: self._go(name))
            self._buttons[name] = button
        row(self, *self._buttons.values())
        self.setEnabled(False)

    def _refresh(self):
        self.setEnabled(self._browser is not None)

    def _go(self, name):
        if name == "play":
            self._browser.SetPlaybackActive(not self._browser.GetPlaybackActive())
        elif name in ("first", "last"):
            getattr(self._browser, {"first": "SelectFirstItem", "last": "SelectLastItem"}[name])()
        else:
            self._browser.SelectNextItem(1 if name == "next" else -1)


@stand_in()
class qMRMLSequenceBrowserSeekWidget(QtWidgets.QWidget, _BrowserObserver):
    """A slider over the items; no signal of its own: observe the browser."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider, self._label = QtWidgets.QSlider(QtCore.Qt.Horizontal), QtWidgets.QLabel()
        self._slider.valueChanged.connect(self._on_value)
        row(self, (self._slider, 1), self._label)
        self.setEnabled(False)

    def slider(self):
        return self._slider

    def _refresh(self):
        self.setEnabled(self._browser is not None)
        if self._browser is None:
            return
        was_blocked = self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, self._browser.GetNumberOfItems() - 1))
        self._slider.setValue(max(0, self._browser.GetSelectedItemNumber()))
        self._slider.blockSignals(was_blocked)
        self._label.text = f"{self._slider.value + 1}/{self._browser.GetNumberOfItems()}"

    def _on_value(self, value):
        if self._browser is not None:
            self._browser.SetSelectedItemNumber(value)


@stand_in()
class qSlicerMarkupsPlaceWidget(QtWidgets.QWidget, SceneObserver):
    """A button that starts placing points of the current markups node in the views."""

    activeMarkupsPlaceModeChanged = Signal(bool)
    activeMarkupsFiducialPlaceModeChanged = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._interaction, self._tag = None, None, None
        self._button = QtWidgets.QPushButton("Place")
        self._button.setCheckable(True)
        self._button.toggled.connect(self.setPlaceModeEnabled)
        row(self, self._button)
        self.setEnabled(False)

    placeMultipleMarkups = prop(int, "placeMultipleMarkups", 0)
    buttonsVisible = prop(bool, "buttonsVisible", True)
    deleteAllControlPointsOptionVisible = prop(bool, "deleteAllControlPointsOptionVisible", True)
    placeModeEnabled = computed(bool, lambda self: self._active(), lambda self, value: self.setPlaceModeEnabled(value))

    def _scene_changed(self):
        if self._interaction is not None:
            self._interaction.RemoveObserver(self._tag)
            self._interaction = None
        if self._scene is not None:
            self._interaction = slicer.app.applicationLogic().GetInteractionNode()
            event = slicer.vtkMRMLInteractionNode.InteractionModeChangedEvent
            self._tag = self._interaction.AddObserver(event, lambda *_: self._refresh())

    def _active(self):
        place = slicer.vtkMRMLInteractionNode.Place
        selection = slicer.app.applicationLogic().GetSelectionNode()
        return bool(
            self._node is not None
            and self._interaction is not None
            and self._interaction.GetCurrentInteractionMode() == place
            and selection.GetActivePlaceNodeID() == self._node.GetID()
        )

    def _refresh(self):
        active = self._active()
        if active != self._button.checked:
            was_blocked = self._button.blockSignals(True)
            self._button.setChecked(active)
            self._button.blockSignals(was_blocked)
            self.activeMarkupsPlaceModeChanged.emit(active)

    def setCurrentNode(self, node):
        self._node = node
        self.setEnabled(node is not None)

    def currentNode(self):
        return self._node

    def setPlaceModeEnabled(self, enabled):
        if self._node is None or self._interaction is None:
            return
        if enabled:
            logic = slicer.modules.markups.logic()
            logic.SetActiveList(self._node)
            logic.StartPlaceMode(bool(self.placeMultipleMarkups))
        else:
            self._interaction.SwitchToViewTransformMode()

    def placeButton(self):
        return self._button


@stand_in()
class qSlicerSimpleMarkupsWidget(QtWidgets.QWidget, SceneObserver):
    """A selector of a point list, a place button and the list of its points."""

    markupsNodeChanged = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._selector, self._place = qMRMLNodeComboBox(), qSlicerMarkupsPlaceWidget()
        self._selector.nodeTypes, self._selector.noneEnabled = ("vtkMRMLMarkupsFiducialNode",), True
        self._selector.currentNodeChanged.connect(self._on_node)
        row(self, (self._selector, 1), self._place)

    def _scene_changed(self):
        self._selector.setMRMLScene(self._scene)
        self._place.setMRMLScene(self._scene)

    def _on_node(self, node):
        self._place.setCurrentNode(node)
        self.markupsNodeChanged.emit()

    def currentNode(self):
        return self._selector.currentNode()

    def setCurrentNode(self, node):
        self._selector.setCurrentNode(node)

    def markupsSelectorComboBox(self):
        return self._selector

    def markupsPlaceWidget(self):
        return self._place


@stand_in(windowLevelValuesChanged=["windowLevelValuesChanged(double,double)"])
class qMRMLWindowLevelWidget(QtWidgets.QWidget, SceneObserver):
    """Window and level of a volume's display."""

    windowLevelValuesChanged = Signal(float, float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        self._window, self._level = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        for box in (self._window, self._level):
            box.setRange(-1e6, 1e6)
            box.valueChanged.connect(self._on_value)
        row(self, QtWidgets.QLabel("W"), (self._window, 1), QtWidgets.QLabel("L"), (self._level, 1))

    def setMRMLVolumeNode(self, node):
        self._node = None
        display = node.GetDisplayNode() if node is not None else None
        self.setEnabled(display is not None)
        if display is not None:
            self._window.value, self._level.value = display.GetWindow(), display.GetLevel()
        self._node = node

    def mrmlVolumeNode(self):
        return self._node

    def _on_value(self, _value):
        if self._node is not None:
            self._node.GetDisplayNode().AutoWindowLevelOff()
            self._node.GetDisplayNode().SetWindowLevel(self._window.value, self._level.value)
            self.windowLevelValuesChanged.emit(self._window.value, self._level.value)
