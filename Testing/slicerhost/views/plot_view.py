"""qMRMLPlotWidget and qMRMLPlotView: a plot view node's chart, drawn with VTK's charts."""

import slicer
import vtk
from PySide6 import QtWidgets

from ..widgets.base import SceneObserver, stand_in
from .offscreen import OffscreenView

VTK_MARKERS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5}  # none, cross, plus, square, circle, diamond: same numbers


class PlotView(OffscreenView):
    """Draws the chart of a plot view node, again whenever chart, series or table change."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node, self._tags = None, []
        self._renderer.SetBackground(1, 1, 1)
        self._context = vtk.vtkContextActor()
        self._chart = vtk.vtkChartXY()
        self._context.GetScene().AddItem(self._chart)
        self._context.GetScene().SetRenderer(self._renderer)
        self._renderer.AddActor(self._context)

    def setMRMLPlotViewNode(self, node):
        self._node = node
        self._observe()

    def mrmlPlotViewNode(self):
        return self._node

    def _nodes(self):
        chart = self._node.GetPlotChartNode() if self._node is not None else None
        series = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())] if chart else []
        series = [s for s in series if s is not None]
        return chart, series, [s.GetTableNode() for s in series if s.GetTableNode() is not None]

    def _observe(self):
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        chart, series, tables = self._nodes()
        nodes = [n for n in (self._node, chart, *series, *tables) if n is not None]
        self._tags = [(n, n.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified)) for n in dict.fromkeys(nodes)]
        self._draw(chart, series)

    def _on_modified(self, *_):
        self._observe()

    def _draw(self, chart, series):
        self._chart.ClearPlots()
        if chart is not None:
            self._chart.SetTitle(chart.GetTitle() or "")
            self._chart.SetShowLegend(chart.GetLegendVisibility())
            self._set_axis(vtk.vtkAxis.BOTTOM, chart.GetXAxisTitle(), chart.GetXAxisLogScale())
            self._set_axis(vtk.vtkAxis.LEFT, chart.GetYAxisTitle(), chart.GetYAxisLogScale())
        for node in series:
            self._add_series(node)
        self.scheduleRender()

    def _set_axis(self, which, title, logarithmic):
        axis = self._chart.GetAxis(which)
        axis.SetTitle(title or "")
        axis.SetLogScale(bool(logarithmic))

    def _add_series(self, node):
        table = node.GetTableNode().GetTable() if node.GetTableNode() is not None else None
        names = (node.GetXColumnName(), node.GetYColumnName())
        if table is None or table.GetNumberOfRows() < 2 or None in [table.GetColumnByName(n or "") for n in names]:
            return  # Slicer warns "paint a line with less than two points"
        plot = self._chart.AddPlot(vtk.vtkChart.LINE)
        plot.SetInputData(table, *names)
        plot.SetLabel(node.GetName())
        plot.SetColorF(*node.GetColor())
        plot.SetWidth(node.GetLineWidth())
        plot.SetMarkerStyle(VTK_MARKERS.get(node.GetMarkerStyle(), 0))

    def seriesNames(self):
        """The names of the drawn lines; for tests."""
        return [self._chart.GetPlot(i).GetLabel() for i in range(self._chart.GetNumberOfPlots())]

    def fitToContent(self):
        self._chart.RecalculateBounds()
        self.scheduleRender()

    def close_view(self):
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []
        super().close_view()


class PlotWidget(QtWidgets.QWidget, SceneObserver):
    """As `slicer.qMRMLPlotWidget()` and `layoutManager().plotWidget(i)`."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._view = PlotView()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)

    def setMRMLPlotViewNode(self, node):
        self._view.setMRMLPlotViewNode(node)

    def mrmlPlotViewNode(self):
        return self._view.mrmlPlotViewNode()

    def plotView(self):
        return self._view

    def plotController(self):
        return self

    def _scene_changed(self):
        node = self._view.mrmlPlotViewNode()
        if node is not None and (self._scene is None or not self._scene.IsNodePresent(node)):
            self._view.setMRMLPlotViewNode(None)

    def _release(self):
        super()._release()
        self._view.close_view()

    def close_view(self):
        self._release()


def install_plot_widgets():
    """Put the classes into `slicer`; the plot view itself cannot be made from a .ui, in Slicer neither."""
    widget = stand_in()(type("qMRMLPlotWidget", (PlotWidget,), {"__module__": __name__}))
    slicer.qMRMLPlotWidget, slicer.qMRMLPlotView = widget, PlotView
