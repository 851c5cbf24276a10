"""What a user sees who opens a saved scene: of this session, or in a fresh application (run as a script).

``python reopened_scene.py SCENE.mrb FOLDER`` writes into the folder view.png, the X-ray's view before the module is
opened, and seen.json, :func:`seen` in the module's panel.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRANSIENT = {"messageLabel", "outputsStatus", "progressLabel", "progressBar", "undoButton"}
"""Widgets that tell of work just done, which no scene remembers."""


def seen(panel):
    """The state of the panel's widgets by name, and what stands in the scene, as JSON holds it."""
    import slicer

    p, session = panel.parameters, panel.session
    widgets = {name: state(widget) for name, widget in vars(panel.ui).items() if name not in TRANSIENT}
    outlines = {model.GetName(): slicer.util.arrayFromModelPoints(model).round(2).tolist()
                for model in session.overlay.outlineModels().values()}
    under = [node.GetName() for node in session.xray.cameraNodes() if node.GetParentTransformNode() is p.pose]
    found = {"widgets": {name: one for name, one in widgets.items() if one is not None}, "outlines": outlines,
             "pose": session.xray.rasFromCamera().round(4).tolist(), "under the pose": sorted(under),
             "image": session.xray.rasFromIjk().round(4).tolist(), "cut off in 3D": cut_off(p.beam),
             "layout": slicer.app.layoutManager().layout, "intrinsics": repr(session.xray.intrinsics())}
    return json.loads(json.dumps(found))


def cut_off(beam):
    """How many points of the beam, from source to detector, lie before or behind what the 3D view's camera shows."""
    import slicer

    view = slicer.app.layoutManager().viewWidget(slicer.mrmlScene.GetNodeByID("vtkMRMLViewNodeXRay3D")).threeDView()
    camera = view.renderer().GetActiveCamera()
    points = slicer.util.arrayFromModelPoints(beam)
    ras = slicer.util.arrayFromTransformMatrix(beam.GetParentTransformNode(), toWorld=True)
    depths = ((points @ ras[:3, :3].T + ras[:3, 3]) - camera.GetPosition()) @ camera.GetDirectionOfProjection()
    nearest, farthest = camera.GetClippingRange()
    return int(((depths < nearest) | (depths > farthest)).sum())


def state(widget):
    """What one widget shows, or None for one that shows nothing of its own."""
    kind = type(widget).__name__
    if kind == "qMRMLNodeComboBox":
        node = widget.currentNode()
        return node.GetName() if node is not None else ""
    if kind == "QTableWidget":
        return [[widget.item(r, c).text() for c in range(widget.columnCount)] for r in range(widget.rowCount)]
    for name in ("currentText", "value", "currentPath", "checked", "text"):
        if hasattr(widget, name):
            shown = getattr(widget, name)
            return [round(shown, 6) if isinstance(shown, float) else shown, widget.enabled]
    return None


def main(scene, folder):
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
    import slicerhost

    application = slicerhost.start()
    import slicer
    from make_demo import WINDOW
    from panel_steps import settle
    from registration_scene import MODULE
    from slicerhost import testing as user
    from slicerhost.faults import ledger

    slicer.util.mainWindow().resize(*WINDOW)
    application.load_module(MODULE)
    slicer.util.loadScene(str(scene))
    slicer.util.selectModule("XVRRegistration")
    user.save_window(folder / "window.png")
    user.save_view(application.layoutManager().sliceWidget("XRay"), folder / "view.png")
    panel = slicer.util.getModuleWidget("XVRRegistration")
    settle(panel)
    (folder / "seen.json").write_text(json.dumps(seen(panel)))
    ledger.check()
    application.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
