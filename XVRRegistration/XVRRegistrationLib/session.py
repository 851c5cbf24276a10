"""The work on one X-ray in the present scene: reading, drawing, registering; nodes in, nodes out."""

import time
from dataclasses import replace

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from XVRCommonLib.xrays import editsOf, optionsOf, readerOf
from xvrcore.errors import InputError, WorkError

from . import starts
from .drawer import Drawer
from .frames import Frames, browserOf
from .history import History
from .node_follower import NodeFollower
from .overlay_scene import OverlayScene
from .pose_steps import PoseSteps
from .xray_scene import XrayScene

REST_MS = 250
"""A pose that has not moved for so long is drawn finely, and becomes a step to return to."""
SOURCE = "XVR.source"
"""Attribute of the image node: what it was read from. Another source is another X-ray, with another pose."""
LIVE_S = 0.2
"""While registering, the overlay moves no more often than this."""
SAME_POSE = 1e-4
SEGMENT_CONTENT = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved,
                   slicer.vtkSegmentation.SourceRepresentationModified)
"""Events of a segmentation node after which it has to be projected anew."""


class Session:
    """``onChange()`` is called whenever something that the panel shows has changed.

    ``reading`` is what was read last (:class:`.xrays.Reading`), ``result`` the core's of the last registration.
    """

    def __init__(self, parameters, worker, onChange):
        self.p, self.worker, self.onChange = parameters, worker, onChange
        self.xray, self.overlay, self.history = XrayScene(parameters), OverlayScene(parameters), History(parameters)
        self.steps, self.frames = PoseSteps(), Frames(parameters)
        self.drawer = Drawer(parameters, worker, self.xray, self.overlay, onChange)
        self.reading = self.result = self.before = self.progress = None
        self.problem = self.started = ""
        self.placedByHand = self.cancelling = self.closed = False
        self._source, self._placed = None, True
        self._nodes, self._liveSince, self._whenRead = NodeFollower(), 0.0, None
        self._framesLeft = []
        self._restTimer = qt.QTimer()
        self._restTimer.setSingleShot(True)
        self._restTimer.setInterval(REST_MS)
        self._restTimer.connect("timeout()", self._onRest)

    def close(self):
        self.closed = self.drawer.closed = True
        self._restTimer.stop()
        self.worker.cancel()
        self._nodes.close()

    @property
    def resting(self):
        """Whether the pose has moved just now, and its fine drawing is still to come."""
        return self._restTimer.active

    # ------------------------------------------------------------ inputs

    def inputsChanged(self):
        """Take over what the parameters say: read another X-ray, draw another volume."""
        self._observeInputs()
        source = self._sourceState()
        if source != self._source:
            loaded = self._source is None and self.xray.intrinsics() is not None
            self._source = source
            self.frames.select(self.p.frame)
            self._read(keepPose=loaded or (self.p.image is not None and self.p.image.GetAttribute(SOURCE) == source[0]))
        self.draw()

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
        if whenRead is not None and not self.cannotRegister():
            whenRead()
        self.onChange()

    def _show(self, radiograph, keepPose, source):
        name = self.p.xraySource.GetName() if self.p.xraySource is not None else radiograph.path.stem
        reading = radiograph.readings[0]
        if keepPose:
            reading = next((r for r in radiograph.readings if self.xray.isLike(r)), reading)
        self.drawer.readingChanged(reading)
        self.xray.show(reading, _("{name} (X-ray)").format(name=name))
        self.p.image.SetAttribute(SOURCE, source[0])
        self._observeInputs()
        if not keepPose:
            self.steps, self.result, self.before, self.placedByHand = PoseSteps(), None, None, False
            self._placed = False
        self._arrangeFrames()
        if keepPose:
            self.xray.showLayers()
        else:
            self.xray.showInView()
        self.draw()
        self._restTimer.start()

    def _placeNominally(self, radiograph):
        """Where the header says, looking at the middle of the volume; its drawing follows from the pose's change."""
        self.setPose(starts.nominalPose(radiograph, self.drawer.centerRas))

    def _arrangeFrames(self):
        """Poses for all frames, where there are several."""
        browser = None if self.p.xraySource is None else browserOf(self.p.xraySource)
        count = self.reading.frames if browser is None else browser.GetNumberOfItems()
        if count > 1 and self.frames.arrange(count):
            self.frames.select(self.p.frame)
        self._observeInputs()

    def edit(self, **stated):
        """Outrank the file's values; ``None`` forgets what was stated."""
        try:
            self.p.edits = editsOf(replace(optionsOf(self.p.edits), **stated))
        except InputError as error:
            self.fail(error)

    # ------------------------------------------------------------ pose

    def setPose(self, rasFromCamera):
        self.xray.setPose(rasFromCamera)

    def moveByHand(self, rasFromCamera):
        self.placedByHand = True
        self.setPose(rasFromCamera)

    def flip(self):
        """Read the image as its mirror image, here and in what follows."""
        flipped = not self.xray.intrinsics().flipped
        self.xray.setFlipped(flipped)
        self.drawer.readingChanged()
        self.edit(flip=flipped)
        self.draw()
        self._restTimer.start()

    def undo(self):
        self._onRest()
        self._restore(*self.steps.undo())

    def redo(self):
        self._restore(*self.steps.redo())

    def _restore(self, rasFromCamera, flipped):
        self._restTimer.stop()
        if self.xray.intrinsics().flipped != flipped:
            self.flip()
        self.setPose(rasFromCamera)

    def restoreAttempt(self, row):
        self._restore(*self.history.poseOf(row))

    def _onPose(self, caller=None, event=None):
        if self.xray.intrinsics() is None:
            return
        self.xray.look()
        self.draw()
        self._restTimer.start()
        self.onChange()

    def _onRest(self):
        """The hand rests: draw finely and remember the place."""
        intrinsics = self.xray.intrinsics()
        if self.closed or intrinsics is None:
            return
        if not self.worker.busy:
            self.redraw()
            self.steps.reached(self.xray.rasFromCamera(), intrinsics.flipped)
        self.onChange()

    def draw(self):
        """Have all that is drawn follow the pose; a new X-ray is first placed where its header says."""
        prepared = self.drawer.prepared()
        if not self._placed and prepared is not None and self.xray.intrinsics() is not None:
            self._placed = True
            self._placeNominally(self.reading.radiograph)
            self.xray.showInView()
        else:
            self.drawer.draw()

    def redraw(self):
        """Draw the pose as it stands, finely."""
        self.drawer.drawFinely()

    # ------------------------------------------------------------ registration

    def cannotRegister(self):
        """Why not, in words; empty when all is there."""
        if self.worker.busy:
            return _("A registration is under way.")
        if self.p.ct is None:
            return _("Choose a CT or MR volume.")
        if self.drawer.problem:
            return self.drawer.problem
        if self.reading is None or self.reading.radiograph is None:
            return self.problem or _("Choose an X-ray and complete its geometry.")
        if self.xray.intrinsics() is None:
            return _("The X-ray's nodes were deleted; choose the X-ray again.")
        return ""

    def startFor(self, kind):
        """The :class:`.starts.Start` that a start button stands for.

        :raises InputError: what it needs is not there.
        """
        radiograph, p = self.reading.radiograph, self.p
        if kind == "header":
            return starts.fromHeader(radiograph)
        if kind == "landmarks":
            return starts.fromLandmarks(p.points3d, p.points2d, radiograph, self.xray.rasFromIjk())[0]
        if kind == "current" or (kind == "auto" and self.placedByHand):
            return starts.Start("given", (self.xray.rasFromCamera(),), _("current pose"))
        if kind == "auto" and p.points3d is not None and p.points2d is not None:
            return starts.fromLandmarks(p.points3d, p.points2d, radiograph, self.xray.rasFromIjk())[0]
        if kind == "auto" and radiograph.readings[0].positioner.has_angles:
            return starts.fromHeader(radiograph)
        return starts.Start("wide", (), _("search of all standard views"))

    def placeAt(self, kind):
        """Show where a registration of this kind would start."""
        start = self.startFor(kind)
        if start.poses:
            self.setPose(start.poses[0])
        elif start.name == "header":
            self._placeNominally(self.reading.radiograph)
        return start

    def register(self, kind, onEnd=None):
        """Find the pose, in the background; ``onEnd(result)`` with None if there is none.

        :param kind: a start button's, or a :class:`.starts.Start`.
        :raises InputError: the start needs something that is not there, or the volume is unusable.
        """
        start = kind if isinstance(kind, starts.Start) else self.startFor(kind)
        prepared, radiograph = self.drawer.prepared(), self.reading.radiograph
        if prepared is None:
            raise InputError(self.cannotRegister())

        def steps():
            from xvrcore.registration import RegistrationSettings, register

            settings = RegistrationSettings(start=start.name)
            return (yield from register(radiograph, prepared.patient(), settings, start.given()))

        self.started, self.problem, self.result, self.cancelling = start.words, "", None, False
        self.before = (self.xray.rasFromCamera(), self.xray.intrinsics().flipped)
        self.worker.run(steps(), self._onProgress, lambda result, error: self._onRegistered(result, error, onEnd))
        self.onChange()

    def registerAll(self):
        """All frames in turn, each from the pose of the one before; the first one from where it stands.

        :raises InputError: the volume is unusable.
        """
        self._framesLeft = list(range(self.frames.count))
        self._registerNext(starts.Start("given", (self.xray.rasFromCamera(),), _("current pose")))

    def _registerNext(self, start):
        frame = self._framesLeft.pop(0)

        def registerIt():
            try:
                self.register(start, self._onFrameRegistered)
            except InputError as error:
                self.fail(error)

        if frame == self.p.frame:
            registerIt()
        else:
            self._whenRead = registerIt
            self.p.frame = frame

    def _onFrameRegistered(self, result):
        if result is not None and self._framesLeft:
            self._registerNext(starts.Start("given", (result.camera.ras_from_camera,), _("previous frame")))

    def cancel(self):
        self.cancelling, self._framesLeft = True, []
        self.worker.cancel()

    def _onProgress(self, progress):
        if self.closed:
            return
        self.progress = progress
        due = time.monotonic() - self._liveSince > LIVE_S
        if due and progress.camera is not None and self.xray.intrinsics() is not None and self._frameIsShown():
            self._showCamera(progress.camera)
            self._liveSince = time.monotonic()
        self.onChange()

    def _frameIsShown(self):
        """Whether the frame being worked on is the one that is shown: its pose alone may be moved."""
        return self.frames.count == 1 or self.frames.selected == self.p.frame

    def _onRegistered(self, result, error, onEnd):
        if self.closed:
            return
        self.frames.select(self.p.frame)
        standing = self.progress.result if self.progress is not None else None
        self.progress = None
        if isinstance(error, (InputError, WorkError)):
            self.fail(error)
        elif error is not None:
            self.problem = _("The registration failed unexpectedly: {error}").format(error=error)
        self.result = result or standing
        if self.xray.intrinsics() is None:
            self.problem = _("The X-ray's nodes were deleted while it was registered; the result is lost.")
            self.result = None
        if self.result is not None:
            self._take(self.result)
        elif self.xray.intrinsics() is not None:
            self.problem = self.problem or _("Cancelled; the pose is as it was before.")
            self._restore(*self.before)
        if onEnd is not None:
            onEnd(self.result)
        self._restTimer.start()
        self.onChange()

    def _take(self, result):
        reading = replace(result.reading, intrinsics=result.camera.intrinsics)
        self.drawer.readingChanged(reading)
        self.xray.show(reading, self.p.image.GetName())
        self.setPose(result.camera.ras_from_camera)
        self.history.add(self.started, result)
        self.frames.note(self.p.frame, result.verdict.label)
        self.placedByHand = False

    def _showCamera(self, camera):
        if self.xray.intrinsics().flipped != camera.intrinsics.flipped:
            self.xray.setFlipped(camera.intrinsics.flipped)
            self.drawer.readingChanged()
        self.setPose(camera.ras_from_camera)

    @property
    def atResult(self):
        """Whether the X-ray stands where the last registration found it."""
        if self.result is None or self.xray.intrinsics() is None:
            return False
        found = self.result.camera
        return self.xray.intrinsics().flipped == found.intrinsics.flipped and \
            abs(self.xray.rasFromCamera() - found.ras_from_camera).max() < SAME_POSE

    def showBefore(self, before):
        """Toggle between the poses before and after the last registration."""
        if before:
            self._showCamera(replace(self.result.camera, ras_from_camera=self.before[0]))
        else:
            self._showCamera(self.result.camera)

    # ------------------------------------------------------------ landmarks

    def attachPoints(self, node):
        """Let points that were placed on the X-ray move with it: into the camera's frame, where they are."""
        pose = self.p.pose
        if pose is None or node.GetParentTransformNode() is pose:
            return
        points = slicer.util.arrayFromMarkupsControlPoints(node, world=True)
        node.SetAndObserveTransformNodeID(pose.GetID())
        if len(points):
            slicer.util.updateMarkupsControlPointsFromArray(node, points, world=True)

    # ------------------------------------------------------------ observing

    def _observeInputs(self):
        """Follow the nodes that the parameters name now, and no others."""
        p = self.p
        transform, modified = slicer.vtkMRMLTransformNode.TransformModifiedEvent, vtk.vtkCommand.ModifiedEvent
        wanted = {("pose", transform): (p.pose, self._onPose), ("ct", transform): (p.ct, self._onVolume)}
        if p.browser is not None:
            wanted["browser", modified] = (p.browser, self._onBrowser)
        if p.segmentation is not None:
            for event in SEGMENT_CONTENT:
                wanted["segments", event] = (p.segmentation, self._onSegments)
            wanted["segmentNames", slicer.vtkSegmentation.SegmentModified] = (p.segmentation, self._onSegmentsShown)
            wanted["segmentsShown", modified] = (p.segmentation.GetDisplayNode(), self._onSegmentsShown)
        if p.points3d is not None:
            wanted["points", p.points3d.PointModifiedEvent] = (p.points3d, self._onPoints)
        self._nodes.follow(wanted)

    def _onBrowser(self, caller=None, event=None):
        if self.p.poses is not None and self.frames.selected != self.p.frame and not self.worker.busy:
            self.p.frame = self.frames.selected

    def _onVolume(self, caller=None, event=None):
        self.draw()

    def _onSegments(self, caller=None, event=None):
        self.drawer.segmentsChanged()
        self.draw()

    def _onSegmentsShown(self, caller=None, event=None):
        self.overlay.updateDisplay()

    def _onPoints(self, caller=None, event=None):
        self.overlay.showLandmarks(self.xray.camera())

    def fail(self, error):
        self.problem = str(error)
        self.onChange()

