"""Undo and redo: the poses at which the X-ray has rested."""


class PoseSteps:
    """Steps are (ras_from_camera 4x4, flipped); the last one reached is where the X-ray stands."""

    def __init__(self):
        self._steps, self._at = [], -1

    def reached(self, rasFromCamera, flipped):
        """Note a new resting place; what had been undone is forgotten. Nothing happens if it is not new."""
        if self._at >= 0 and self._same(self._steps[self._at], rasFromCamera, flipped):
            return
        self._steps = [*self._steps[:self._at + 1], (rasFromCamera.copy(), flipped)]
        self._at += 1

    @property
    def canUndo(self):
        return self._at > 0

    @property
    def canRedo(self):
        return self._at + 1 < len(self._steps)

    def undo(self):
        self._at -= 1
        return self._steps[self._at]

    def redo(self):
        self._at += 1
        return self._steps[self._at]

    @staticmethod
    def _same(step, rasFromCamera, flipped):
        return abs(step[0] - rasFromCamera).max() < 1e-6 and step[1] == flipped
