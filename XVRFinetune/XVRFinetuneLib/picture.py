"""Pictures in the panel, as wide as a panel usually is."""

import qt

WIDTH = 420


def showPicture(label, path):
    """Show a file's picture on a label; without one, or where it cannot be read, the label takes no room."""
    pixmap = qt.QPixmap() if path is None else qt.QPixmap(str(path))
    if not pixmap.isNull():
        pixmap = pixmap.scaledToWidth(WIDTH, qt.Qt.SmoothTransformation)
    label.setPixmap(pixmap)
    label.visible = not pixmap.isNull()
