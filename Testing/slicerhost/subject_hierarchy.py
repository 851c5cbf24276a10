"""The part of Slicer's subject hierarchy that lives in Qt: an item for each node a user sees."""

import slicer

SHOWN = (
    "vtkMRMLVolumeNode",
    "vtkMRMLModelNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTransformNode",
    "vtkMRMLMarkupsNode",
    "vtkMRMLSequenceBrowserNode",
    "vtkMRMLSequenceNode",
    "vtkMRMLTableNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLTextNode",
    "vtkMRMLCameraNode",
)


class SubjectHierarchy:
    """Adds and removes items with the nodes, and merges the hierarchies of an imported scene."""

    def __init__(self, scene):
        self._scene = scene
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)  # makes the node
        for event, method in (
            (scene.NodeAddedEvent, self._on_node_added),
            (scene.NodeAboutToBeRemovedEvent, self._on_node_removed),
        ):
            scene.AddObserver(event, _with_node(method))
        for event in (scene.EndImportEvent, scene.EndRestoreEvent):
            scene.AddObserver(event, lambda *_: self._resolve())
        scene.AddObserver(scene.EndCloseEvent, lambda *_: self._renew())

    def _node(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    def _renew(self):
        """A closed scene gets a new node, also when somebody still holds the old one."""
        if self._node().GetScene() is None:
            self._scene.AddNode(slicer.vtkMRMLSubjectHierarchyNode())

    def _add(self, node):
        hierarchy = self._node()
        wanted = any(node.IsA(name) for name in SHOWN) and not node.GetHideFromEditors()
        if hierarchy is not None and wanted and not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def _on_node_added(self, node):
        if not self._scene.IsImporting() and not self._scene.IsRestoring():
            self._add(node)

    def _on_node_removed(self, node):
        if self._scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = self._node()
        item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
        if item:
            hierarchy.RemoveItem(item, False, False)

    def _resolve(self):
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
        for i in range(self._scene.GetNumberOfNodes()):
            self._add(self._scene.GetNthNode(i))


def _with_node(method):
    import vtk

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def observer(_scene, _event, node):
        method(node)

    return observer
