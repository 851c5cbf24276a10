"""What a module left behind: nodes, observers, timers, processes, threads."""

import gc
import os
import re
import threading
from collections import Counter
from pathlib import Path

import shiboken6
import slicer
from PySide6 import QtCore

from .. import tracking


class Leftovers:
    """A snapshot; `since(before)` says what is there now that was not there before.

    Singleton nodes do not count (views, their cameras, parameter nodes): MRML keeps them when a scene is closed.
    Views made meanwhile stay, and their many observers of the scene with them: then those are not compared.
    """

    def __init__(self):
        slicer.app.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        slicer.app.processEvents()
        gc.collect()
        scene, views = slicer.mrmlScene, slicer.app.layoutManager().views()
        nodes = {scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())} - _nodes_of(views)
        self.view_count = len(views)
        self.observers_of_scene = Counter({"observer of the scene": _observer_count(scene)})
        self.found = Counter()
        self.found.update(f"node {n.GetID()} {n.GetName()}" for n in nodes if not n.GetSingletonTag())
        self.found.update(_timer(t) for t in list(tracking.timers) if shiboken6.isValid(t) and t.isActive())
        self.found.update(_observation(o) for mixin in list(tracking.observing) for o in mixin.Observations)
        self.found.update(child_processes())
        self.found.update(f"thread {t.name}" for t in threading.enumerate())

    def since(self, before):
        """Descriptions of everything new, with counts where there are several."""
        new = self.found - before.found
        if self.view_count == before.view_count:
            new += self.observers_of_scene - before.observers_of_scene
        return sorted(text if count == 1 else f"{count} x {text}" for text, count in new.items())


def _nodes_of(views):
    """The nodes with which slice views appear in 3D."""
    logics = [view.sliceLogic() for view in views if hasattr(view, "sliceLogic")]
    getters = ("GetSliceModelNode", "GetSliceModelDisplayNode", "GetSliceModelTransformNode", "GetSliceDisplayNode")
    return {getattr(logic, getter)() for logic in logics for getter in getters}


def _observer_count(vtk_object):
    return len(re.findall(r"vtkObserver \(", str(vtk_object)))


def _timer(timer):
    return f"running timer {timer.objectName or '(unnamed)'}, every {timer.interval} ms"


def _observation(observation):
    source, event, method = observation[:3]
    return f"observer {getattr(method, '__qualname__', method)} of {type(source).__name__} for event {event}"


def child_processes():
    """This process's children from /proc, zombies included; empty where there is no /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it ended while we looked
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            found.append(f"process {stat.parent.name} ({name}), state {state}")
    return found
