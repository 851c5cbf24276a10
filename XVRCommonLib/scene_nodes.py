"""New nodes of the scene, in the subject hierarchy's folder of this extension."""

import slicer
import vtk

FOLDER = "XVR"


def newNode(className, name):
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    putIntoFolder(node)
    return node


def putIntoFolder(node):
    """Into the subject hierarchy's folder of this extension."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, _folder(hierarchy))


def _folder(hierarchy):
    """The first of its name: a scene that was loaded into another one brings its own."""
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), children)
    items = (children.GetId(i) for i in range(children.GetNumberOfIds()))
    found = next((item for item in items if hierarchy.GetItemName(item) == FOLDER), None)
    return hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), FOLDER) if found is None else found
