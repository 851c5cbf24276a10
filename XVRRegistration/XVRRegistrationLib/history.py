"""Every attempt in a table of the scene, from which any can be restored."""

import json
from datetime import datetime

import numpy as np
import vtk
from slicer.i18n import tr as _

COLUMNS = ("time", "start", "score", "verdict", "comment", "pose", "flipped")
SHOWN = COLUMNS[:5]


class History:
    """The table that the parameters name; made with the first attempt."""

    def __init__(self, parameters):
        self.p = parameters

    def add(self, start, result):
        """Note an attempt: how it started, and the core's result."""
        if self.p.history is None:
            self.p.history = self._newTable()
        pose = json.dumps(result.camera.ras_from_camera.tolist())
        values = (datetime.now().strftime("%H:%M:%S"), start, f"{result.scores['similarity']:.3f}",
                  result.verdict.label, "", pose, str(result.camera.intrinsics.flipped))
        row = self.p.history.AddEmptyRow()
        for column, value in enumerate(values):
            self.p.history.GetTable().SetValue(row, column, vtk.vtkVariant(value))
        self.p.history.GetTable().Modified()

    def rows(self):
        """Tuples of the :data:`SHOWN` columns' texts."""
        if self.p.history is None:
            return []
        table = self.p.history.GetTable()
        return [tuple(table.GetValue(row, column).ToString() for column in range(len(SHOWN)))
                for row in range(table.GetNumberOfRows())]

    def comment(self, row, text):
        self.p.history.GetTable().SetValue(row, COLUMNS.index("comment"), vtk.vtkVariant(text))
        self.p.history.Modified()

    def poseOf(self, row):
        """(ras_from_camera 4x4, flipped) of an attempt."""
        table = self.p.history.GetTable()
        pose, flipped = (table.GetValue(row, COLUMNS.index(name)).ToString() for name in ("pose", "flipped"))
        return np.array(json.loads(pose)), flipped == "True"

    def _newTable(self):
        from XVRCommonLib.scene_nodes import newNode

        node = newNode("vtkMRMLTableNode", _("Registration attempts"))
        for name in COLUMNS:
            column = vtk.vtkStringArray()
            column.SetName(name)
            node.AddColumn(column)
        return node
