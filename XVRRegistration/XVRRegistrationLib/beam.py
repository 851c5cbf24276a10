"""The beam as lines in the camera's frame: source, edges of the field, detector's border, principal ray."""

import numpy as np
import vtk


def beamOf(intrinsics):
    """vtkPolyData, mm, of xvrcore's intrinsics."""
    last = np.array([intrinsics.cols, intrinsics.rows]) - 0.5
    u, v = np.array([[-0.5, last[0], last[0], -0.5], [-0.5, -0.5, last[1], last[1]]])
    corners = intrinsics.detector_points(u, v)
    points = vtk.vtkPoints()
    for point in (np.zeros(3), *corners, np.array([0, 0, intrinsics.sdd_mm])):
        points.InsertNextPoint(*point.tolist())
    lines = vtk.vtkCellArray()
    ends = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (0, 5)]
    for end in ends:
        lines.InsertNextCell(2, end)
    wires = vtk.vtkPolyData()
    wires.SetPoints(points)
    wires.SetLines(lines)
    source = vtk.vtkSphereSource()
    source.SetRadius(intrinsics.sdd_mm / 100)
    both = vtk.vtkAppendPolyData()
    both.AddInputData(wires)
    both.AddInputConnection(source.GetOutputPort())
    both.Update()
    return both.GetOutput()
