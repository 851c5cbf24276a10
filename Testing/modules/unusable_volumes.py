"""Volumes of the scene that cannot be registered to, and what the panels say of them."""

import numpy as np
from registration_scene import patient

UNUSABLE = (("vector", "values in each voxel"), ("constant", "constant"), ("singular", "singular"), ("empty", "empty"),
            ("warped", "not linear"))


def unusable_volume(kind):
    """A node named "wrong", of one of the kinds of :data:`UNUSABLE`."""
    import slicer
    import vtk

    values = patient().values
    if kind == "vector":
        return slicer.util.addVolumeFromArray(np.zeros((4, 5, 6, 3), np.uint8), name="wrong",
                                              nodeClassName="vtkMRMLVectorVolumeNode")
    if kind == "empty":
        return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "wrong")
    node = slicer.util.addVolumeFromArray(np.zeros_like(values) if kind == "constant" else values, name="wrong")
    if kind == "singular":
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
        node.SetIJKToRASMatrix(matrix)
    if kind == "warped":
        warp = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
        warp.SetAndObserveTransformFromParent(vtk.vtkThinPlateSplineTransform())
        node.SetAndObserveTransformNodeID(warp.GetID())
    return node
