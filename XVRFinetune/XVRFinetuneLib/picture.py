"""Pictures in the panel, as wide as a panel usually is."""

import qt

WIDTH = 420


def showPicture(label, path):
    """Show a file's picture on a label; nothing for None, or where it cannot be read."""
    pixmap = qt.QPixmap() if path is None else qt.QPixmap(str(path))
    if not pixmap.isNull():
        pixmap = pixmap.scaledToWidth(WIDTH, qt.Qt.SmoothTransformation)
    label.setPixmap(pixmap)
