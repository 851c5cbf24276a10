"""Keeps an eye on what a module may leave behind: `qt.QTimer`s and the observers of VTKObservationMixin."""

import weakref

import slicer.util
from PySide6 import QtCore

timers = weakref.WeakSet()
observing = weakref.WeakSet()


class QTimer(QtCore.QTimer):
    """`qt.QTimer`, noted when made."""

    def __init__(self, *args):
        super().__init__(*args)
        timers.add(self)


def install():
    import qt

    qt.QTimer = QTimer
    original = slicer.util.VTKObservationMixin.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        observing.add(self)

    slicer.util.VTKObservationMixin.__init__ = init
