"""The work on one X-ray in the present scene: what is read, and the parts that show, move and register it."""

from dataclasses import replace

import slicer
from slicer.i18n import tr as _

from XVRCommonLib.xrays import editsOf, optionsOf, readerOf
from xvrcore.errors import InputError

from . import layouts
from .carm import CArm
from .drawer import Drawer
from .frames import Frames, browserOf
from .history import History
from .overlay_scene import OverlayScene
from .registering import Registering
from .scene_watch import SceneWatch
from .xray_scene import XrayScene

SOURCE = "XVR.source"
"""Attribute of the image node: what it was read from. Another source is another X-ray, with another pose."""
PLACED_ON = "XVR.placedOn"
"""Attribute of points on an X-ray: which one."""


class Session:
    """``onChange()`` is called whenever something that the panel shows has changed.

    ``reading`` is what was read last (:class:`XVRCommonLib.xrays.Reading`); ``problem`` what went wrong last, in words.
    """

    def __init__(self, parameters, worker, onChange):
        self.p, self.worker, self.onChange = parameters, worker, onChange
        self.reading, self.problem, self.closed = None, "", False
        self.xray, self.overlay, self.history = XrayScene(parameters), OverlayScene(parameters), History(parameters)
        self.frames = Frames(parameters)
        self.drawer = Drawer(parameters, worker, self.xray, self.overlay, onChange)
        self.carm, self.registering, self._watch = CArm(self), Registering(self), SceneWatch(self)
        self._source = self._whenRead = None

    def close(self):
        self.closed = self.drawer.closed = True
        self.carm.close()
        self.worker.cancel()
        self._watch.close()

    def fail(self, error):
        self.problem = str(error)
        self.onChange()

    # ------------------------------------------------------------ reading

    def inputsChanged(self):
        """Take over what the parameters say: read another X-ray, draw another volume."""
        self._watch.update()
        source = self._sourceState()
        if self.worker.busy and (source != self._source or self.p.ct not in (None, self.registering.ct)):
            self.registering.abandon()
        if source != self._source:
            if self._source is not None and source[1] != self._source[1]:
                self.carm.forgetSteps()
            loaded = self._source is None and self.xray.intrinsics() is not None
            self._source = source
            self.frames.select(self.p.frame)
            self._read(keepPose=loaded or (self.p.image is not None and self.p.image.GetAttribute(SOURCE) == source[0]))
        self.carm.draw()

    def edit(self, **stated):
        """Outrank the file's values; ``None`` forgets what was stated."""
        try:
            self.p.edits = editsOf(replace(optionsOf(self.p.edits), **stated))
        except InputError as error:
            self.fail(error)

    def whenFrameIsRead(self, frame, work):
        """Show a frame, and do ``work()`` once it is read and can be registered."""
        if frame == self.p.frame:
            work()
        else:
            self._whenRead = work
            self.p.frame = frame

    def _sourceState(self):
        node = self.p.xraySource
        named = node.GetID() if node is not None else str(self.p.xrayFile)
        return named, self.p.frame, self.p.edits

    def _read(self, keepPose):
        node, path = self.p.xraySource, self.p.xrayFile
        if node is None and str(path) in ("", "."):
            return
        try:
            read = readerOf(node, path, self.p.frame, self.p.edits)
        except InputError as error:
            self.fail(error)
            return
        self.problem = _("Reading the X-ray…")
        source = self._source
        self.worker.request("read", read, lambda reading, error: self._onRead(source, keepPose, reading, error))
        self.onChange()

    def _onRead(self, source, keepPose, reading, error):
        if self.closed or source != self._source:
            return
        self.reading, self.problem = reading, ""
        if error is not None:
            self.fail(error)
            return
        if reading.radiograph is not None:
            self._show(reading.radiograph, keepPose, source)
        whenRead, self._whenRead = self._whenRead, None
        if whenRead is not None and not self.registering.blocked():
            whenRead()
        self.onChange()

    def _show(self, radiograph, keepPose, source):
        name = self.p.xraySource.GetName() if self.p.xraySource is not None else radiograph.path.stem
        reading = radiograph.readings[0]
        if keepPose:
            reading = next((r for r in radiograph.readings if self.xray.isLike(r)), reading)
        else:
            self.carm.startAfresh()
            self.registering.forget()
        self.drawer.readingChanged(reading)
        self.xray.show(reading, _("{name} (X-ray)").format(name=name))
        self.p.image.SetAttribute(SOURCE, source[0])
        self._arrangeFrames()
        self._watch.update()
        if keepPose:
            self.xray.showLayers()
            layouts.showDepth()
        else:
            self.xray.showInView()
        self.carm.draw()
        self.carm.restSoon()

    def _arrangeFrames(self):
        """Poses for all frames, where there are several."""
        browser = None if self.p.xraySource is None else browserOf(self.p.xraySource)
        count = self.reading.frames if browser is None else browser.GetNumberOfItems()
        if count > 1 and self.frames.arrange(count):
            self.frames.select(self.p.frame)

    @property
    def shownXray(self):
        """Tells the shown image, of all that the scene's table of attempts may know, from others."""
        source = self.p.image.GetAttribute(SOURCE) if self.p.image is not None else ""
        return f"{source} [{self.p.frame}]"

    # ------------------------------------------------------------ landmarks

    def attachPoints(self, node):
        """Let points that were placed on the X-ray move with it: into the camera's frame, where they are."""
        pose = self.p.pose
        if pose is None or node.GetParentTransformNode() is pose:
            return
        points = slicer.util.arrayFromMarkupsControlPoints(node, world=True)
        node.SetAttribute(PLACED_ON, self.shownXray)
        node.SetAndObserveTransformNodeID(pose.GetID())
        if len(points):
            slicer.util.updateMarkupsControlPointsFromArray(node, points, world=True)

    def hasPoints(self):
        """Whether there are points in the volume, and others that were placed on the shown X-ray."""
        p = self.p
        return p.points3d is not None and p.points2d is not None and \
            p.points2d.GetAttribute(PLACED_ON) in (None, self.shownXray)
