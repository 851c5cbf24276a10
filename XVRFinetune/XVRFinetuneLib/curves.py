"""The curves of a training as nodes of the scene: two tables, a line of each, and a chart of both."""

import numpy as np
import slicer
import vtk
import vtk.util.numpy_support
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode

ITERATION, ERROR = "iteration", "error_mm"
MOST_POINTS = 1000
"""Of a line: more would not be seen, and would take long to draw."""
LEAST_POINTS = 2
PLOT_VIEW = "XVRFinetune"


class Curves:
    """The nodes that the parameters name; made when there is something to show."""

    def __init__(self, parameters):
        self.p = parameters
        self._shown = None

    def show(self, progress):
        """The curves of one job (:class:`.job_watch.Progress`), both in mm."""
        version = id(progress), len(progress.training), len(progress.validation)
        if version == self._shown:
            return
        self._shown = version
        p = self.p
        if p.chart is None and len(progress.training) < LEAST_POINTS:
            return
        self._ensureNodes()
        for table, line, points in ((p.training, p.trainingLine, progress.training),
                                    (p.validation, p.validationLine, progress.validation)):
            _fill(table, points[::-max(1, -(-len(points) // MOST_POINTS))][::-1])
            self._showLine(line, len(points) >= LEAST_POINTS)

    def _showLine(self, line, shown):
        """A line of fewer points cannot be drawn."""
        if shown != self.p.chart.HasPlotSeriesNodeID(line.GetID()):
            change = self.p.chart.AddAndObservePlotSeriesNodeID if shown else self.p.chart.RemovePlotSeriesNodeID
            change(line.GetID())

    def _ensureNodes(self):
        p = self.p
        if p.chart is None:
            p.chart = newNode("vtkMRMLPlotChartNode", _("Training of a network"))
            p.chart.SetXAxisTitle(_("iteration"))
            p.chart.SetYAxisTitle(_("error in mm"))
            p.chart.SetYAxisLogScale(True)
        if p.training is None or p.trainingLine is None:
            p.training, p.trainingLine = _line(_("training X-rays"), (0.55, 0.6, 0.68), 1)
        if p.validation is None or p.validationLine is None:
            p.validation, p.validationLine = _line(_("unseen X-rays"), (0.88, 0.44, 0.07), 3)


def plotView(chart):
    """The plot view of the panel, showing a chart."""
    scene = slicer.mrmlScene
    node = scene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if node is None:
        node = slicer.vtkMRMLPlotViewNode()
        node.SetSingletonTag(PLOT_VIEW)
        node = scene.AddNode(node)
    node.SetLayoutName(PLOT_VIEW)
    if node.GetPlotChartNodeID() != chart.GetID():
        node.SetPlotChartNodeID(chart.GetID())
    return node


def removePlotView():
    node = slicer.mrmlScene.GetSingletonNode(PLOT_VIEW, "vtkMRMLPlotViewNode")
    if node is not None:
        slicer.mrmlScene.RemoveNode(node)


def _line(name, color, width):
    table = newNode("vtkMRMLTableNode", _("Errors on {name}").format(name=name))
    series = newNode("vtkMRMLPlotSeriesNode", name)
    _fill(table, [])
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(ITERATION)
    series.SetYColumnName(ERROR)
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
    series.SetColor(*color)
    series.SetLineWidth(width)
    return table, series


def _fill(node, points):
    """Put pairs into a table node's two columns."""
    table = node.GetTable()
    for name, values in zip((ITERATION, ERROR), np.array(points, float).reshape(-1, 2).T, strict=True):
        column = table.GetColumnByName(name)
        if column is None:
            column = vtk.vtkDoubleArray()
            column.SetName(name)
            table.AddColumn(column)
        column.SetNumberOfTuples(len(values))
        vtk.util.numpy_support.vtk_to_numpy(column)[:] = values
        column.Modified()
    table.Modified()
    node.Modified()
