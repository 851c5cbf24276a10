"""`slicer.app.layoutManager()`: Slicer's own layout logic makes the view nodes, Qt arranges their widgets."""

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .plot_view import PlotWidget
from .slice_view import SliceWidget
from .table_view import TableWidget
from .threed_view import ThreeDWidget

FOUR_UP = 3  # vtkMRMLLayoutNode.SlicerLayoutFourUpView


def _plot_widget(node):
    widget = PlotWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLPlotViewNode(node)
    return widget


WIDGETS = {
    "vtkMRMLSliceNode": SliceWidget,
    "vtkMRMLViewNode": ThreeDWidget,
    "vtkMRMLPlotViewNode": _plot_widget,
    "vtkMRMLTableViewNode": TableWidget,
}


class LayoutManager(QtCore.QObject):
    """View widgets live as long as their node; those outside the current layout are hidden and do not render."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, viewport):
        super().__init__()
        self._viewport, self._views, self._shown, self._pauses = viewport, {}, None, 0
        self._box = QtWidgets.QVBoxLayout(viewport)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._observe_pauses()
        slicer.app._layout_manager = self  # views ask for it while they are made
        self._logic.SetMRMLScene(slicer.mrmlScene)
        node = self._logic.GetLayoutNode()
        self._tags = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_layout_node))]
        self.setLayout(FOUR_UP)

    def _observe_pauses(self):
        logic = slicer.app.applicationLogic()
        logic.AddObserver(logic.PauseRenderEvent, lambda *_: self._pause(1))
        logic.AddObserver(logic.ResumeRenderEvent, lambda *_: self._pause(-1))

    def _pause(self, change):
        """Pauses nest: only the last resume renders."""
        self._pauses += change
        if self._pauses == 0:
            for widget in self._views.values():
                for view in (widget, *widget.findChildren(QtWidgets.QWidget)):
                    getattr(view, "scheduleRender", lambda: None)()

    def isRenderPaused(self):
        return self._pauses > 0

    # the layout

    layout = QtCore.Property(int, lambda self: self._logic.GetLayoutNode().GetViewArrangement())

    def setLayout(self, layout_id):
        """Switch the layout. As in Slicer the views get their size only when the event loop runs."""
        node = self._logic.GetLayoutNode()
        if not node.IsLayoutDescription(layout_id):
            raise ValueError(f"there is no layout {layout_id}")
        node.SetViewArrangement(layout_id)
        self._on_layout_node()

    def layoutLogic(self):
        return self._logic

    def viewport(self):
        return self._viewport

    def _on_layout_node(self, *_):
        node = self._logic.GetLayoutNode()
        state = (node.GetViewArrangement(), node.GetCurrentLayoutDescription())
        if state == self._shown or node.GetLayoutRootElement() is None:
            return
        self._shown = state
        for widget in self._views.values():
            widget.hide()
            widget.setParent(self._viewport)
        old = self._box.takeAt(0)
        self._box.addWidget(self._build(node.GetLayoutRootElement()))
        if old is not None:
            old.widget().deleteLater()
        self.layoutChanged.emit(state[0])

    def _build(self, element):
        """The Qt widget of a <layout> or <view> element."""
        if element.GetName() == "view":
            node = self._logic.GetViewFromElement(element)
            widget = self.viewWidget(node) or self._create(node)
            widget.show()
            return widget
        kind, items = element.GetAttribute("type") or "horizontal", _children(element)
        if kind == "tab":
            container = QtWidgets.QTabWidget()
            for item in items:
                container.addTab(self._build(_children(item)[0]), item.GetAttribute("name") or "")
            return container
        if kind == "grid":
            return self._build_grid(items)
        container = QtWidgets.QSplitter(QtCore.Qt.Vertical if kind == "vertical" else QtCore.Qt.Horizontal)
        container.setChildrenCollapsible(False)
        sizes = []
        for item in items:
            container.addWidget(self._build(_children(item)[0]))
            sizes.append(int(item.GetAttribute("splitSize") or 500))
        container.setSizes(sizes)
        return container

    def _build_grid(self, items):
        container = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(container)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(1)
        for item in items:
            numbers = [
                int(item.GetAttribute(n) or d) for n, d in (("row", 0), ("column", 0), ("rowspan", 1), ("colspan", 1))
            ]
            grid.addWidget(self._build(_children(item)[0]), *numbers)
        return container

    # the views

    def _create(self, node):
        widget = WIDGETS[node.GetClassName()](node)
        self._views[node] = widget
        return widget

    def _widgets(self, class_name):
        return [widget for node, widget in self._views.items() if node.GetClassName() == class_name]

    def views(self):
        """All view widgets, shown or not; for tests."""
        return list(self._views.values())

    def viewWidget(self, node):
        return self._views.get(node)

    def sliceViewNames(self):
        return tuple(w.mrmlSliceNode().GetLayoutName() for w in self._widgets("vtkMRMLSliceNode"))

    def sliceWidget(self, name):
        widgets = self._widgets("vtkMRMLSliceNode")
        return next((w for w in widgets if w.mrmlSliceNode().GetLayoutName() == name), None)

    def _nth(self, class_name, index):
        widgets = self._widgets(class_name)
        return widgets[index] if isinstance(index, int) and 0 <= index < len(widgets) else None

    def threeDWidget(self, index):
        """By number; a name gives None, as in Slicer: use `viewWidget(node)`."""
        return self._nth("vtkMRMLViewNode", index)

    def plotWidget(self, index):
        return self._nth("vtkMRMLPlotViewNode", index)

    def tableWidget(self, index):
        return self._nth("vtkMRMLTableViewNode", index)

    threeDViewCount = QtCore.Property(int, lambda self: len(self._widgets("vtkMRMLViewNode")))
    plotViewCount = QtCore.Property(int, lambda self: len(self._widgets("vtkMRMLPlotViewNode")))
    tableViewCount = QtCore.Property(int, lambda self: len(self._widgets("vtkMRMLTableViewNode")))

    def mrmlSliceLogics(self):
        return slicer.app.applicationLogic().GetSliceLogics()

    def resetThreeDViews(self):
        for widget in self._widgets("vtkMRMLViewNode"):
            widget.threeDView().resetFocalPoint()

    def resetSliceViews(self):
        for widget in self._widgets("vtkMRMLSliceNode"):
            widget.fitSliceToBackground()

    def close(self):
        """Close all views, before the application ends."""
        for source, tag in self._tags:
            source.RemoveObserver(tag)
        for widget in self._views.values():
            widget.close_view()
        self._views.clear()


def _children(element):
    nested = [element.GetNestedElement(i) for i in range(element.GetNumberOfNestedElements())]
    return [e for e in nested if e.GetName() in ("item", "view", "layout")]
