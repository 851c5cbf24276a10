"""What leaves the module: the files of a pose, and a table of figures."""

from dataclasses import replace

import numpy as np
import vtk
from slicer.i18n import tr as _

from XVRCommonLib.scene_nodes import newNode
from xvrcore.errors import InputError

from .starts import namedPoints


def export(session, folder, onWritten):
    """Write pose.json, report and pictures of the pose as it stands; ``onWritten(folder, error)``.

    :raises InputError: an input is missing or unusable.
    """
    blocked = session.registering.blocked()
    if blocked:
        raise InputError(blocked)
    prepared, segments = session.drawer.prepared(), session.drawer.segments()
    radiograph, result, points3d = session.reading.radiograph, session.registering.result, session.p.points3d
    camera, reading = session.xray.camera(), session.xray.reading()
    landmarks = None if points3d is None else namedPoints(points3d)

    def write():
        from xvrcore.outputs import write_outputs

        write_outputs(folder, radiograph, resultAt(camera, result, reading, prepared),
                      prepared.patient().full.projector, prepared.hashedVolume(),
                      segmentation=segments and segments[0], landmarks=landmarks)
        return folder

    session.worker.request("export", write, onWritten)


def showMetrics(session):
    """The figures of the last attempt at the shown X-ray in a table node, which is returned."""
    p = session.p
    if p.metrics is None:
        p.metrics = newNode("vtkMRMLTableNode", _("Registration metrics"))
    fillTable(p.metrics, session.registering.attempts[0].figures)
    return p.metrics


def resultAt(camera, result, reading, prepared):
    """A result for the pose as it stands: the registration's own, or, placed by hand, one that is judged here.

    :param result: the core's result of the last registration, or None.
    """
    if result is not None and np.allclose(result.camera.ras_from_camera, camera.ras_from_camera, atol=1e-9) and \
            result.camera.intrinsics == camera.intrinsics:
        return result
    from xvrcore.registration import LAST_ROUND
    from xvrcore.result import RegistrationResult, Verdict

    xray = replace(reading, intrinsics=camera.intrinsics)
    objective = prepared.patient().full.objective(xray)
    score = float(objective.scores(camera.ras_from_camera[None], LAST_ROUND.rank)[0])
    verdict = Verdict("doubtful", 0.0, (_("The pose was placed by hand, not registered."),))
    return RegistrationResult(camera=camera, initial=camera, final=camera, reading=xray,
                              scores={"similarity": score}, verdict=verdict, candidates=(), trace=(), weak_mm={},
                              timings_s={}, backend=objective.projector.name, device=objective.projector.device)


def fillTable(node, rows):
    """Replace a table node's content by two columns of text."""
    node.RemoveAllColumns()
    for number, name in enumerate((_("Metric"), _("Value"))):
        column = vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(row[number])
        node.AddColumn(column)
