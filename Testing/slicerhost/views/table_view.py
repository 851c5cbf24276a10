"""qMRMLTableView: a table node's cells."""

import slicer
import vtk
from PySide6 import QtWidgets

from ..widgets.base import SceneObserver, prop, stand_in


class TableView(QtWidgets.QTableWidget, SceneObserver):
    """Shows a vtkMRMLTableNode, read only."""

    readOnly = prop(bool, "readOnly", True)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._tag = None, None
        self.setEditTriggers(QtWidgets.QTableWidget.NoEditTriggers)

    def setMRMLTableNode(self, node):
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._refresh())
        self._refresh()

    def mrmlTableNode(self):
        return self._node

    def _refresh(self):
        table = self._node.GetTable() if self._node is not None else vtk.vtkTable()
        rows, columns = table.GetNumberOfRows(), table.GetNumberOfColumns()
        self.setRowCount(rows)
        self.setColumnCount(columns)
        self.setHorizontalHeaderLabels([table.GetColumnName(j) or "" for j in range(columns)])
        for i in range(rows):
            for j in range(columns):
                self.setItem(i, j, QtWidgets.QTableWidgetItem(table.GetValue(i, j).ToString()))

    def _scene_changed(self):
        if self._node is not None and (self._scene is None or not self._scene.IsNodePresent(self._node)):
            self.setMRMLTableNode(None)


class TableWidget(QtWidgets.QWidget):
    """As `layoutManager().tableWidget(i)`: the table that its table view node names."""

    def __init__(self, node, parent=None):
        super().__init__(parent)
        self._node, self._view = node, TableView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified)
        self._on_modified()

    def _on_modified(self, *_):
        self._view.setMRMLTableNode(self._node.GetTableNode())

    def tableView(self):
        return self._view

    def tableController(self):
        return self

    def mrmlTableViewNode(self):
        return self._node

    def close_view(self):
        self._node.RemoveObserver(self._tag)
        self._view.setMRMLTableNode(None)


def install_table_widgets():
    slicer.qMRMLTableView = stand_in()(type("qMRMLTableView", (TableView,), {"__module__": __name__}))
