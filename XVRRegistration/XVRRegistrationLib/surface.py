"""The patient in the 3D view: a surface of bone (CT) or skin (MR)."""

import numpy as np
import vtk
import vtk.util.numpy_support
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode
from XVRCommonLib.volumes import matrixFromArray

BONE_HU, SKIN_SHARE = 200.0, 0.2
MOST_VOXELS = 96
"""Along each axis: coarse enough to be made in a moment."""
COLOR = (0.93, 0.87, 0.72)


def surfaceOf(volume):
    """vtkPolyData in the world, of a volume of the core; can be made in any thread."""
    step = [max(1, n // MOST_VOXELS) for n in volume.values.shape]
    values = np.ascontiguousarray(volume.values[::step[0], ::step[1], ::step[2]])
    level = BONE_HU if volume.quantity == "HU" else SKIN_SHARE * float(np.percentile(values, 99))
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    scalars = vtk.util.numpy_support.numpy_to_vtk(values.ravel(), deep=True)
    image.GetPointData().SetScalars(scalars)
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    place = vtk.vtkTransform()
    place.SetMatrix(matrixFromArray(volume.ras_from_ijk @ np.diag([*step[::-1], 1.0])))
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputConnection(edges.GetOutputPort())
    moved.SetTransform(place)
    moved.Update()
    return moved.GetOutput()


def showSurface(parameters, polyData):
    """In the model node that the parameters name."""
    if parameters.surface is None:
        node = parameters.surface = newNode("vtkMRMLModelNode", _("Patient surface"))
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetColor(*COLOR)
        node.GetDisplayNode().SetVisibility2D(False)
    parameters.surface.SetAndObservePolyData(polyData)
