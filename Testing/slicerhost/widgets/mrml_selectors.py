"""qMRMLNodeComboBox and qMRMLCheckableNodeComboBox: choosing nodes of the scene."""

import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal

from .base import SceneObserver, computed, prop, row, stand_in

NODE_ID = QtCore.Qt.UserRole


class _NodeList(SceneObserver):
    """The nodes a selector offers, and their names kept up to date."""

    def _setup_nodes(self):
        self._attributes, self._name_tags = {}, {}

    def _nodes(self):
        if self._scene is None:
            return []
        found = []
        for type_name in self.nodeTypes or ():
            for i in range(self._scene.GetNumberOfNodesByClass(type_name)):
                node = self._scene.GetNthNodeByClass(i, type_name)
                if node not in found and self._offers(node, type_name):
                    found.append(node)
        return found

    def _offers(self, node, type_name):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if not self.showChildNodeTypes and node.GetClassName() != type_name:
            return False
        if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes or ()):
            return False
        required = [(name, value) for (cls, name), value in self._attributes.items() if node.IsA(cls)]
        return all(node.GetAttribute(n) == v if v is not None else node.GetAttribute(n) for n, v in required)

    def addAttribute(self, class_name, name, value=None):
        self._attributes[class_name, name] = value
        self._refill()

    def nodeCount(self):
        return len(self._nodes())

    def _follow_names(self, nodes):
        for node, tag in list(self._name_tags.items()):
            if node not in nodes:
                node.RemoveObserver(tag)
                del self._name_tags[node]
        for node in nodes:
            if node not in self._name_tags:
                self._name_tags[node] = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node_modified)

    def _scene_changed(self):
        if self._scene is None:
            self._follow_names([])
        self._refill()

    def _show_name(self, combo, node):
        index = combo.findData(node.GetID())
        if index >= 0 and combo.itemText(index) != node.GetName():
            combo.setItemText(index, node.GetName())


@stand_in(
    currentNodeChanged=["currentNodeChanged(vtkMRMLNode*)"],
    _selected=["currentNodeChanged(bool)"],
    nodeAddedByUser=["nodeAddedByUser(vtkMRMLNode*)"],
    nodeActivated=["nodeActivated(vtkMRMLNode*)"],
)
class qMRMLNodeComboBox(QtWidgets.QWidget, _NodeList):
    """One node, or none. With `noneEnabled` false it takes the first node at once, as in Slicer."""

    currentNodeChanged = Signal(object)
    _selected = Signal(bool)
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeAddedByUser = Signal(object)
    nodeActivated = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._setup_nodes()
        self._current, self._filling = "", False
        self._combo = QtWidgets.QComboBox()
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self._combo.activated.connect(self._on_activated)
        row(self, (self._combo, 1))

    nodeTypes = prop("QStringList", "nodeTypes", (), "_refill")
    noneEnabled = prop(bool, "noneEnabled", False, "_refill")
    addEnabled = prop(bool, "addEnabled", True, "_refill")
    removeEnabled = prop(bool, "removeEnabled", True, "_refill")
    renameEnabled = prop(bool, "renameEnabled", False)
    editEnabled = prop(bool, "editEnabled", False)
    showHidden = prop(bool, "showHidden", False, "_refill")
    showChildNodeTypes = prop(bool, "showChildNodeTypes", True, "_refill")
    hideChildNodeTypes = prop("QStringList", "hideChildNodeTypes", (), "_refill")
    selectNodeUponCreation = prop(bool, "selectNodeUponCreation", True)
    noneDisplay = prop(str, "noneDisplay", "None", "_refill")
    baseName = prop(str, "baseName", "")
    currentNodeID = computed(str, lambda self: self._current, lambda self, value: self._select(value))

    def _refill(self):
        if self._filling:
            return
        self._filling = True
        nodes = self._nodes()
        self._follow_names(nodes)
        self._combo.clear()
        if self.noneEnabled and self._scene is not None:
            self._combo.addItem(self.noneDisplay, "")
        for node in nodes:
            self._combo.addItem(node.GetName(), node.GetID())
        self._add_actions()
        ids = [node.GetID() for node in nodes]
        wanted = self._current if self._current in ids else ("" if self.noneEnabled or not ids else ids[0])
        self._combo.setCurrentIndex(self._combo.findData(wanted))
        self._filling = False
        self._announce(wanted)

    def _add_actions(self):
        if self._scene is None:
            return
        if self.addEnabled:
            for type_name in self.nodeTypes or ():
                label = self._scene.GetTagByClassName(type_name) or type_name
                self._combo.addItem(f"Create new {label}", f"create:{type_name}")
        if self.removeEnabled and self._current:
            self._combo.addItem("Delete current node", "delete:")

    def _on_node_modified(self, node, _event):
        index = self._combo.findData(node.GetID())
        if index >= 0 and self._combo.itemText(index) != node.GetName():
            self._show_name(self._combo, node)
            if node.GetID() == self._current:
                self.currentNodeRenamed.emit(node.GetName())

    def _on_activated(self, index):
        data = self._combo.itemData(index) or ""
        if data.startswith("create:"):
            self.nodeAddedByUser.emit(self.addNode(data.removeprefix("create:")))
        elif data.startswith("delete:"):
            self._scene.RemoveNode(self.currentNode())
        else:
            self._select(data)
            self.nodeActivated.emit(self.currentNode())

    def _select(self, node_id):
        node_id = node_id or ""
        if node_id not in [node.GetID() for node in self._nodes()]:
            node_id = ""
        self._combo.setCurrentIndex(self._combo.findData(node_id))
        self._announce(node_id)

    def _announce(self, node_id):
        if node_id == self._current:
            return
        self._current = node_id
        node = self.currentNode()
        self.currentNodeChanged.emit(node)
        self._selected.emit(node is not None)
        self.currentNodeIDChanged.emit(node_id)

    def currentNode(self):
        return self._scene.GetNodeByID(self._current) if self._scene is not None and self._current else None

    def setCurrentNode(self, node):
        self._select(node.GetID() if node is not None else "")

    def addNode(self, class_name=None):
        """Make a node of the (first) type; None without a scene, silently, as in Slicer."""
        if self._scene is None:
            return None
        class_name = class_name or self.nodeTypes[0]
        node = self._scene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetName(self._scene.GenerateUniqueName(self.baseName or self._scene.GetTagByClassName(class_name)))
        for (cls, name), value in self._attributes.items():
            if node.IsA(cls):
                node.SetAttribute(name, value or "1")
        node = self._scene.AddNode(node)
        if self.selectNodeUponCreation:
            self._select(node.GetID())
        return node


@stand_in()
class qMRMLCheckableNodeComboBox(QtWidgets.QWidget, _NodeList):
    """Several nodes, each with a check box."""

    checkedNodesChanged = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._setup_nodes()
        self._list = QtWidgets.QListWidget()
        self._list.setMaximumHeight(90)
        self._list.itemChanged.connect(lambda _item: self.checkedNodesChanged.emit())
        row(self, (self._list, 1))

    nodeTypes = prop("QStringList", "nodeTypes", (), "_refill")
    showHidden = prop(bool, "showHidden", False, "_refill")
    showChildNodeTypes = prop(bool, "showChildNodeTypes", True, "_refill")
    hideChildNodeTypes = prop("QStringList", "hideChildNodeTypes", (), "_refill")
    noneEnabled = prop(bool, "noneEnabled", False)
    addEnabled = prop(bool, "addEnabled", False)
    removeEnabled = prop(bool, "removeEnabled", False)

    def _refill(self):
        checked = {node.GetID() for node in self.checkedNodes()}
        nodes = self._nodes()
        self._follow_names(nodes)
        was_blocked = self._list.blockSignals(True)
        self._list.clear()
        for node in nodes:
            item = QtWidgets.QListWidgetItem(node.GetName())
            item.setData(NODE_ID, node.GetID())
            item.setCheckState(QtCore.Qt.Checked if node.GetID() in checked else QtCore.Qt.Unchecked)
            self._list.addItem(item)
        self._list.blockSignals(was_blocked)
        if checked - {node.GetID() for node in nodes}:
            self.checkedNodesChanged.emit()

    def _on_node_modified(self, node, _event):
        for item in self._items():
            if item.data(NODE_ID) == node.GetID() and item.text() != node.GetName():
                item.setText(node.GetName())

    def _items(self):
        return [self._list.item(i) for i in range(self._list.count)]

    def checkedNodes(self):
        if self._scene is None:
            return ()
        ids = [item.data(NODE_ID) for item in self._items() if item.checkState() == QtCore.Qt.Checked]
        return tuple(node for node in map(self._scene.GetNodeByID, ids) if node is not None)

    def setCheckState(self, node, state):
        for item in self._items():
            if item.data(NODE_ID) == node.GetID():
                item.setCheckState(QtCore.Qt.CheckState(state))
