"""Every attempt in a table of the scene, from which any can be restored."""

from datetime import datetime

import vtk
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode

from .attempt import fromText

COLUMNS = ("time", "start", "score", "verdict", "comment", "attempt")
SHOWN = COLUMNS[:5]
COMMENT, ATTEMPT = COLUMNS.index("comment"), COLUMNS.index("attempt")


class History:
    """The table that the parameters name; made with the first attempt."""

    def __init__(self, parameters):
        self.p = parameters

    def add(self, attempt):
        """Note an :class:`.attempt.Attempt`."""
        if self.p.history is None:
            self.p.history = self._newTable()
        values = (datetime.now().strftime("%m-%d %H:%M"), attempt.start, f"{attempt.score:.3f}", attempt.verdict,
                  "", attempt.toText())
        row = self.p.history.AddEmptyRow()
        for column, value in enumerate(values):
            self.p.history.GetTable().SetValue(row, column, vtk.vtkVariant(value))
        self.p.history.GetTable().Modified()

    def rows(self):
        """Tuples of the :data:`SHOWN` columns' texts."""
        return [tuple(self._text(row, column) for column in range(len(SHOWN))) for row in range(self._count)]

    def comment(self, row, text):
        """Note what the user says; a table's file cannot hold quotation marks."""
        self.p.history.GetTable().SetValue(row, COMMENT, vtk.vtkVariant(text.replace('"', "'").replace("\t", " ")))
        self.p.history.Modified()

    def attempt(self, row):
        return fromText(self._text(row, ATTEMPT))

    def attemptsOf(self, xray):
        """All attempts at one image, the latest first."""
        attempts = (self.attempt(row) for row in reversed(range(self._count)))
        return [attempt for attempt in attempts if attempt.xray == xray]

    @property
    def _count(self):
        return 0 if self.p.history is None else self.p.history.GetTable().GetNumberOfRows()

    def _text(self, row, column):
        return self.p.history.GetTable().GetValue(row, column).ToString()

    def _newTable(self):
        node = newNode("vtkMRMLTableNode", _("Registration attempts"))
        for name in COLUMNS:
            column = vtk.vtkStringArray()
            column.SetName(name)
            node.AddColumn(column)
        return node
