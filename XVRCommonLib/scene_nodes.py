"""New nodes of the scene, in the subject hierarchy's folder of this extension."""

import slicer

FOLDER = "XVR"


def newNode(className, name):
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    putIntoFolder(node)
    return node


def putIntoFolder(node):
    """Into the subject hierarchy's folder of this extension."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    root = hierarchy.GetSceneItemID()
    folder = hierarchy.GetItemChildWithName(root, FOLDER) or hierarchy.CreateFolderItem(root, FOLDER)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, folder)
