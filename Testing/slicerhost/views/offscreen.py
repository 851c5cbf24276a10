"""A Qt widget that shows an offscreen VTK render window and passes it the mouse."""

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

BUTTONS = {
    QtCore.Qt.LeftButton: ("LeftButtonPressEvent", "LeftButtonReleaseEvent"),
    QtCore.Qt.MiddleButton: ("MiddleButtonPressEvent", "MiddleButtonReleaseEvent"),
    QtCore.Qt.RightButton: ("RightButtonPressEvent", "RightButtonReleaseEvent"),
}


class OffscreenView(QtWidgets.QWidget):
    """Renders when asked (`forceRender`) or, once for many requests, from the event loop (`scheduleRender`)."""

    resized = QtCore.Signal(int, int)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._window, self._picture, self._closed, self._render_count = vtk.vtkRenderWindow(), None, False, 0
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._renderer = vtk.vtkRenderer()
        self._window.AddRenderer(self._renderer)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forceRender)
        self.setMinimumSize(40, 40)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def renderWindow(self):
        return self._window

    def renderer(self):
        return self._renderer

    def renderCount(self):
        """How often the view was rendered; for tests."""
        return self._render_count

    def scheduleRender(self):
        """Render once the event loop runs again, if the view can be seen and rendering is not paused."""
        if not self._closed and not self._timer.isActive():
            self._timer.start(0)

    def forceRender(self):
        """Render now; nothing happens for a hidden view."""
        self._timer.stop()
        if self._closed or not self.isVisible():
            return
        self._render_count += 1
        self._window.Render()
        pixels = self._grab_pixels()
        rows, columns, _ = pixels.shape
        self._picture = QtGui.QImage(pixels.data, columns, rows, 3 * columns, QtGui.QImage.Format_RGB888).copy()
        self.update()

    def _grab_pixels(self):
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self._window)
        grabber.ReadFrontBufferOff()
        grabber.ShouldRerenderOff()
        grabber.Update()
        columns, rows, _ = grabber.GetOutput().GetDimensions()
        flat = vtk_to_numpy(grabber.GetOutput().GetPointData().GetScalars())
        return flat.reshape(rows, columns, -1)[::-1, :, :3].copy()

    def image(self):
        """The view as it is now: uint8 array (rows, columns, 3), row 0 at the top."""
        self.forceRender()
        return self._grab_pixels()

    def close_view(self):
        """Let go of the graphics memory."""
        self._closed = True
        self._timer.stop()
        self._window.Finalize()

    def paintEvent(self, _event):
        painter = QtGui.QPainter(self)
        if self._picture is not None:
            painter.drawImage(self.rect, self._picture)
        painter.end()

    def resizeEvent(self, event):
        size = event.size()
        self._window.SetSize(max(1, size.width()), max(1, size.height()))
        self.resized.emit(size.width(), size.height())
        self.scheduleRender()

    def showEvent(self, _event):
        self.scheduleRender()


class DisplayableView(OffscreenView):
    """An offscreen view with displayable managers, which draw the scene's nodes and answer the mouse."""

    def __init__(self, factory, managers, style, parent=None):
        super().__init__(parent)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())  # the default one grabs the mouse
        self._interactor.Initialize()
        self._style, self._tags = style, []
        self._make_group(factory.GetInstance(), managers)
        self._style.SetInteractor(self._interactor)
        self._style.SetDisplayableManagers(self._group)
        self.setMouseTracking(True)

    def _make_group(self, factory, managers):
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self._renderer)
        self._group.Initialize(factory, self._renderer)
        self._tags.append((self._group, self._group.AddObserver(vtk.vtkCommand.UpdateEvent, self._on_request)))

    def _on_request(self, *_):
        self.scheduleRender()

    def scheduleRender(self):
        if not slicer.app.layoutManager().isRenderPaused():
            super().scheduleRender()

    def interactor(self):
        return self._interactor

    def interactorStyle(self):
        return self._style

    def displayableManagerByClassName(self, name):
        return self._group.GetDisplayableManagerByClassName(name)

    def close_view(self):
        for source, tag in self._tags:
            source.RemoveObserver(tag)
        self._group.SetMRMLDisplayableNode(None)
        super().close_view()

    def resizeEvent(self, event):
        self._interactor.SetSize(event.size().width(), event.size().height())
        super().resizeEvent(event)

    # the mouse, from Qt to VTK, whose y goes upwards

    def _tell_position(self, event):
        position, modifiers = event.position(), event.modifiers()
        self._interactor.SetEventInformationFlipY(
            int(position.x()),
            int(position.y()),
            int(bool(modifiers & QtCore.Qt.ControlModifier)),
            int(bool(modifiers & QtCore.Qt.ShiftModifier)),
        )

    def _send(self, event, name):
        self._tell_position(event)
        self._interactor.InvokeEvent(name)
        event.accept()

    def mousePressEvent(self, event):
        self._send(event, BUTTONS.get(event.button(), ("LeftButtonPressEvent",))[0])

    def mouseReleaseEvent(self, event):
        self._send(event, BUTTONS.get(event.button(), ("", "LeftButtonReleaseEvent"))[1])

    def mouseMoveEvent(self, event):
        self._send(event, "MouseMoveEvent")

    def wheelEvent(self, event):
        self._send(event, "MouseWheelForwardEvent" if event.angleDelta().y() > 0 else "MouseWheelBackwardEvent")

    def enterEvent(self, event):
        self._send(event, "EnterEvent")
