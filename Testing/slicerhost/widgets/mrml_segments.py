"""qMRMLSegmentsTableView and qMRMLSegmentSelectorWidget."""

import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .base import SceneObserver, prop, row, stand_in
from .mrml_selectors import qMRMLNodeComboBox

SEGMENT_ID = QtCore.Qt.UserRole
VISIBLE_COLUMN, NAME_COLUMN = 0, 1


def _ids(node):
    return list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []


def _swatch(color):
    pixmap = QtGui.QPixmap(12, 12)
    pixmap.fill(QtGui.QColor.fromRgbF(*color))
    return QtGui.QIcon(pixmap)


class _SegmentationObserver(SceneObserver):
    """Keeps `_node`, and calls `_refresh` when its segments or its display change."""

    _node = None
    _observed = ()

    def _observe(self, node):
        for source, tag in self._observed:
            source.RemoveObserver(tag)
        self._node, sources = node, []
        if node is not None:
            sources = [node, node.GetSegmentation()]
            sources += [node.GetDisplayNode()] if node.GetDisplayNode() else []
        self._observed = [(s, s.AddObserver(vtk.vtkCommand.AnyEvent, self._on_event)) for s in sources]
        self._refresh()

    def _on_event(self, _caller, _event):
        self._refresh()

    def _scene_changed(self):
        gone = self._node is not None and (self._scene is None or not self._scene.IsNodePresent(self._node))
        if gone:
            self._observe(None)


@stand_in(selectionChanged=["selectionChanged(QItemSelection,QItemSelection)"])
class qMRMLSegmentsTableView(QtWidgets.QWidget, _SegmentationObserver):
    """Segments with an eye each. There is no visibility signal: observe the display node."""

    selectionChanged = Signal(object, object)
    segmentAboutToBeModified = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._shown = None
        self._table = QtWidgets.QTableWidget(0, 2)
        self._table.setHorizontalHeaderLabels(["", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().hide()
        self._table.setColumnWidth(VISIBLE_COLUMN, 28)
        self._table.setSelectionBehavior(QtWidgets.QTableWidget.SelectRows)
        self._table.setMinimumHeight(90)
        self._table.itemSelectionChanged.connect(lambda: self.selectionChanged.emit(None, None))
        self._table.cellClicked.connect(self._on_clicked)
        row(self, (self._table, 1))

    selectionMode = prop(int, "selectionMode", 3, "_apply_selection_mode")
    visibilityColumnVisible = prop(bool, "visibilityColumnVisible", True, "_apply_columns")
    colorColumnVisible = prop(bool, "colorColumnVisible", True)
    opacityColumnVisible = prop(bool, "opacityColumnVisible", True)
    statusColumnVisible = prop(bool, "statusColumnVisible", False)
    headerVisible = prop(bool, "headerVisible", True)
    filterBarVisible = prop(bool, "filterBarVisible", False)
    readOnly = prop(bool, "readOnly", False)

    def _apply_selection_mode(self):
        self._table.setSelectionMode(QtWidgets.QTableWidget.SelectionMode(self.selectionMode))

    def _apply_columns(self):
        self._table.setColumnHidden(VISIBLE_COLUMN, not self.visibilityColumnVisible)

    def setSegmentationNode(self, node):
        self._observe(node)

    def segmentationNode(self):
        return self._node

    def _rows(self):
        display = self._node.GetDisplayNode() if self._node is not None else None
        for segment_id in _ids(self._node):
            segment = self._node.GetSegmentation().GetSegment(segment_id)
            visible = display is None or display.GetSegmentVisibility(segment_id)
            yield segment_id, segment.GetName(), tuple(segment.GetColor()), bool(visible)

    def _refresh(self):
        rows = list(self._rows())
        if rows == self._shown:
            return
        selected, self._shown = self.selectedSegmentIDs(), rows
        self._table.setRowCount(len(rows))
        for i, (segment_id, name, color, visible) in enumerate(rows):
            eye, label = QtWidgets.QTableWidgetItem("●" if visible else "○"), QtWidgets.QTableWidgetItem(name)
            label.setData(SEGMENT_ID, segment_id)
            label.setIcon(_swatch(color))
            for column, item in ((VISIBLE_COLUMN, eye), (NAME_COLUMN, label)):
                item.setFlags(item.flags() & ~QtCore.Qt.ItemIsEditable)
                self._table.setItem(i, column, item)
        self.setSelectedSegmentIDs([s for s in selected if s in _ids(self._node)])

    def _on_clicked(self, index, column):
        if column == VISIBLE_COLUMN and not self.readOnly:
            segment_id, _name, _color, visible = self._shown[index]
            self._node.GetDisplayNode().SetSegmentVisibility(segment_id, not visible)

    def selectedSegmentIDs(self):
        rows = sorted(index.row() for index in self._table.selectionModel().selectedRows())
        return tuple(self._table.item(i, NAME_COLUMN).data(SEGMENT_ID) for i in rows)

    def setSelectedSegmentIDs(self, ids):
        if tuple(ids) == self.selectedSegmentIDs():
            return
        self._table.clearSelection()
        model = self._table.selectionModel()
        for i in range(self._table.rowCount):
            if self._table.item(i, NAME_COLUMN).data(SEGMENT_ID) in ids:
                flags = QtCore.QItemSelectionModel.Select | QtCore.QItemSelectionModel.Rows
                model.select(self._table.model().index(i, NAME_COLUMN), flags)

    def clearSelection(self):
        self._table.clearSelection()


@stand_in(currentNodeChanged=["currentNodeChanged(vtkMRMLNode*)"])
class qMRMLSegmentSelectorWidget(QtWidgets.QWidget, _SegmentationObserver):
    """A segmentation and one of its segments."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)
    segmentSelectionChanged = Signal("QStringList")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._selector, self._segments = qMRMLNodeComboBox(), QtWidgets.QComboBox()
        self._selector.addEnabled = self._selector.removeEnabled = False
        self._selector.nodeTypes = ("vtkMRMLSegmentationNode",)
        self._selector.noneEnabled = True
        self._selector.currentNodeChanged.connect(self._on_node)
        self._segments.currentIndexChanged.connect(self._on_segment)
        row(self, (self._selector, 1), (self._segments, 1))

    noneEnabled = prop(bool, "noneEnabled", False)
    multiSelection = prop(bool, "multiSelection", False)

    def _scene_changed(self):
        self._selector.setMRMLScene(self._scene)

    def _on_node(self, node):
        self._observe(node)
        self.currentNodeChanged.emit(node)

    def _refresh(self):
        ids = _ids(self._node)
        if ids == [self._segments.itemData(i) for i in range(self._segments.count)]:
            return
        self._segments.clear()
        for segment_id in ids:
            self._segments.addItem(self._node.GetSegmentation().GetSegment(segment_id).GetName(), segment_id)

    def _on_segment(self, _index):
        self.currentSegmentChanged.emit(self.currentSegmentID())
        self.segmentSelectionChanged.emit([self.currentSegmentID()])

    def currentNode(self):
        return self._selector.currentNode()

    def setCurrentNode(self, node):
        self._selector.setCurrentNode(node)

    def currentSegmentID(self):
        return self._segments.currentData or ""

    def setCurrentSegmentID(self, segment_id):
        self._segments.setCurrentIndex(self._segments.findData(segment_id))
