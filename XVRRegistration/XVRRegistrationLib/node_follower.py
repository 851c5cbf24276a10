"""Observes the nodes that are wanted now, and no others."""

from slicer.util import VTKObservationMixin


class NodeFollower(VTKObservationMixin):
    """Keeps one observation for each (role, event)."""

    def __init__(self):
        VTKObservationMixin.__init__(self)
        self._followed = {}

    def follow(self, wanted):
        """``wanted`` maps (role, event) to (node or None, slot); what is followed already stays as it is."""
        for key in set(self._followed) - set(wanted):
            self._leave(key)
        for key, (node, slot) in wanted.items():
            if self._followed.get(key, (None, None))[0] is node:
                continue
            self._leave(key)
            if node is not None:
                self.addObserver(node, key[1], slot)
                self._followed[key] = node, slot

    def close(self):
        self._followed = {}
        self.removeObservers()

    def _leave(self, key):
        node, slot = self._followed.pop(key, (None, None))
        if node is not None:
            self.removeObserver(node, key[1], slot)
