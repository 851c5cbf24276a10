"""A line of the panel on which an X-ray file can be dropped."""

import qt
from slicer.i18n import tr as _


class DropArea(qt.QLabel):
    """Calls ``onDrop(path)`` with the first file dropped."""

    def __init__(self, onDrop, parent=None):
        super().__init__(_("Drop an X-ray file here"), parent)
        self.onDrop = onDrop
        self.acceptDrops = True
        self.alignment = qt.Qt.AlignCenter
        self.frameShape = qt.QFrame.StyledPanel
        self.margin = 8

    def dragEnterEvent(self, event):
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event):
        files = [url.toLocalFile() for url in event.mimeData().urls()]
        if files:
            event.acceptProposedAction()
            self.onDrop(files[0])
