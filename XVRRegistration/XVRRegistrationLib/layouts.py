"""Two layouts with the X-ray's own slice view, and looking at the X-ray face on."""

import numpy as np
import slicer

XRAY_VIEW = "XRay"
SEEN_SHARE = 1.25
"""Of the distance from source to detector, how much the 3D view shows across its smaller side."""
SLICE_NODE_ID, THREED_NODE_ID = "vtkMRMLSliceNodeXRay", "vtkMRMLViewNodeXRay3D"

_BESIDE = """<layout type="horizontal" split="true">
 <item splitSize="600"><view class="vtkMRMLSliceNode" singletontag="XRay">
  <property name="orientation" action="default">Axial</property>
  <property name="viewlabel" action="default">X</property>
  <property name="viewcolor" action="default">#E17012</property>
  <property name="viewgroup" action="default">56</property></view></item>
 <item splitSize="400"><view class="vtkMRMLViewNode" singletontag="XRay3D">
  <property name="viewlabel" action="default">3D</property></view></item></layout>"""
_SLICE = """<item><view class="vtkMRMLSliceNode" singletontag="{name}">
  <property name="orientation" action="default">{orientation}</property>
  <property name="viewlabel" action="default">{label}</property>
  <property name="viewcolor" action="default">{color}</property></view></item>"""
_SLICES = "".join(_SLICE.format(name=name, orientation=orientation, label=name[0], color=color) for
                  name, orientation, color in (("Red", "Axial", "#F34A33"), ("Yellow", "Sagittal", "#EDD54C"),
                                               ("Green", "Coronal", "#6EB04B")))
WITH_3D, WITH_SLICES = 5601, 5602
LAYOUTS = {WITH_3D: _BESIDE,
           WITH_SLICES: f"""<layout type="vertical" split="true"><item splitSize="600">{_BESIDE}</item>
 <item splitSize="400"><layout type="horizontal">{_SLICES}</layout></item></layout>"""}


def register():
    """Make the layouts known: a saved scene names the one it was seen in, but does not describe it."""
    manager = slicer.app.layoutManager()
    if manager is None:  # without a main window
        return
    node = manager.layoutLogic().GetLayoutNode()
    for layoutId, description in LAYOUTS.items():
        if not node.IsLayoutDescription(layoutId):
            node.AddLayoutDescription(layoutId, description)


def showLayout(layoutId):
    """Switch to one of :data:`LAYOUTS`, and let its views get their sizes."""
    register()
    slicer.app.layoutManager().setLayout(layoutId)
    slicer.app.processEvents()  # else a pending resize would put the slice's offset back to 0


def xrayWidget():
    """The X-ray's slice widget, or None before any of the layouts was shown."""
    return slicer.app.layoutManager().sliceWidget(XRAY_VIEW)


def faceOn(rasFromIjk):
    """Turn the X-ray's slice view to an image's plane, rows down and columns right, without changing the zoom."""
    sliceNode = slicer.mrmlScene.GetNodeByID(SLICE_NODE_ID)
    if sliceNode is None:
        return
    right, down = (rasFromIjk[:3, k] / np.linalg.norm(rasFromIjk[:3, k]) for k in (0, 1))
    normal = -np.cross(right, down)
    sliceNode.SetSliceToRASByNTP(*normal.tolist(), *right.tolist(), *rasFromIjk[:3, 3].tolist(), 0)


def lookAt(rasFromIjk, cols, rows):
    """:func:`faceOn`, centered and zoomed so that the whole image is seen."""
    widget = xrayWidget()
    if widget is None:
        return
    center = rasFromIjk @ [(cols - 1) / 2, (rows - 1) / 2, 0, 1]
    placed = rasFromIjk.copy()
    placed[:, 3] = center
    faceOn(placed)
    widget.sliceLogic().FitSliceToAll()
    faceOn(placed)


def lookFromAside(rasFromCamera, sddMm):
    """Let the 3D view see source, patient and detector from the side, the head up."""
    view, camera = _viewAndCamera()
    if view is None:
        return
    aside, down, beam = rasFromCamera[:3, :3].T
    middle = rasFromCamera[:3, 3] + 0.55 * sddMm * beam
    halfWidth = np.tan(np.deg2rad(camera.GetViewAngle() / 2)) * min(1.0, view.width / max(1, view.height))
    direction = 0.85 * aside - 0.4 * down - 0.3 * beam
    position = middle + SEEN_SHARE / 2 * sddMm / halfWidth * direction / np.linalg.norm(direction)
    camera.SetFocalPoint(*middle.tolist())
    camera.SetPosition(*position.tolist())
    camera.SetViewUp(*(-down).tolist())
    camera.ResetClippingRange()


def showDepth():
    """Let the 3D view show whatever is before its camera: a scene loads the camera before all that it looks at."""
    _view, camera = _viewAndCamera()
    if camera is not None:
        camera.ResetClippingRange()


def _viewAndCamera():
    """The 3D view beside the X-ray and its camera node, or (None, None) before any of the layouts was shown."""
    viewNode = slicer.mrmlScene.GetNodeByID(THREED_NODE_ID)
    widget = None if viewNode is None else slicer.app.layoutManager().viewWidget(viewNode)
    if widget is None:
        return None, None
    return widget.threeDView(), slicer.modules.cameras.logic().GetViewActiveCameraNode(viewNode)


def showCt(node):
    """A CT in the Red, Green and Yellow slice views, leaving the X-ray's alone."""
    for name in ("Red", "Green", "Yellow"):
        widget = slicer.app.layoutManager().sliceWidget(name)
        widget.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(node.GetID())
        widget.sliceLogic().FitSliceToAll()
