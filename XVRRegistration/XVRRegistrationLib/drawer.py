"""Keeps DRR, comparison, outlines and surface in step with pose and inputs; computed in the worker's thread."""

from XVRCommonLib.patient_source import PatientSource
from XVRCommonLib.volumes import coreSegmentation, stateOf
from xvrcore.errors import InputError

from .comparison import COARSE_PX, FINE_PX, Artist
from .sketch import Sketch
from .surface import showSurface, surfaceOf


class Drawer:
    """``problem`` says why the inputs cannot be drawn, empty when they can.

    ``centerRas`` is the middle of the volume, None where there is no usable one.
    """

    def __init__(self, parameters, worker, xray, overlay, onChange):
        self.p, self.worker, self.xray, self.overlay, self.onChange = parameters, worker, xray, overlay, onChange
        self.problem, self.centerRas, self.closed = "", None, False
        self._patients = PatientSource()
        self._artist = self._segments = self._surfaced = None
        self._moving = False

    def readingChanged(self, reading=None):
        """Another :class:`xvrcore.xray.Xray` is shown; without one it is taken from the scene."""
        self._artist = None if reading is None else Artist(reading)

    def segmentsChanged(self):
        self._segments = None

    def prepared(self):
        """The chosen volume, copied when it has changed; None where none is chosen or it is unusable."""
        self.problem, self.centerRas = "", None
        if self.p.ct is None:
            return None
        try:
            prepared = self._patients.prepared(self.p.ct, self.p.modality)
        except InputError as error:
            self._fail(error)
            return None
        self.centerRas = prepared.volume.center_ras
        return prepared

    def draw(self, longest=COARSE_PX):
        """Have everything follow the pose as it stands: the DRR first, outlines when they are found."""
        sketch = None if self._moving else self._sketch(self.xray.camera, longest)
        if sketch is None:
            return
        self.worker.request("drr", sketch.picture, self._onDrawn, urgent=True)
        self._drawOver(sketch)

    def _drawOver(self, sketch):
        """Landmarks, and outlines when they are found."""
        self.overlay.showLandmarks(sketch.camera)
        if self.p.segmentation is None:
            self.overlay.removeOutlines()
        if sketch.segments is not None:
            self.worker.request("outlines", sketch.outlines,
                                lambda found, error: self._onOutlines(sketch, found, error))

    def drawFinely(self):
        self.draw(FINE_PX)

    def drawAhead(self, camera, move):
        """Draw what will be seen from ``camera``; ``move()`` there when that can be shown, so that the views are
        redrawn once. It tells whether it has moved."""
        sketch = self._sketch(lambda: camera, COARSE_PX)
        if sketch is not None:
            self.worker.request("ahead", sketch.everything,
                                lambda drawn, error: self._onAhead(sketch, move, drawn, error))

    def drawAtHand(self, camera, move):
        """As :meth:`drawAhead`, but without waiting for outlines, which could not keep up with a hand.

        :return: whether it can be drawn; if not, nothing will move.
        """
        sketch = self._sketch(lambda: camera, COARSE_PX)
        if sketch is not None:
            self.worker.request("hand", sketch.picture,
                                lambda drawing, error: self._onHand(sketch, move, drawing, error), urgent=True)
        return sketch is not None

    def _sketch(self, cameraOf, longest):
        """What there is to draw from ``cameraOf()``, or None where an input is missing or unusable."""
        prepared = self.prepared()
        if prepared is None:
            return None
        try:
            camera, segments = cameraOf(), self.segments()
        except InputError as error:
            self._fail(error)
            return None
        if camera is None:
            return None
        self._drawSurface(prepared)
        self._artist = self._artist or Artist(self.xray.reading())
        shown = segments if self.p.showOutlines else None
        return Sketch(camera, self._artist, prepared, self.p.overlay.name, longest, shown)

    def segments(self):
        """(the core's segmentation, segments' IDs), exported again only when it or the volume has changed; or None.

        :raises InputError: the segmentation is empty or unusable.
        """
        node = self.p.segmentation
        if node is None:
            return None
        state = (node.GetID(), stateOf(self.p.ct))
        if self._segments is None or self._segments[0] != state:
            self._segments = state, coreSegmentation(node, self.p.ct)
        return self._segments[1]

    def _drawSurface(self, prepared):
        """Show the patient in 3D, once for each volume."""
        if prepared is not self._surfaced:
            self._surfaced = prepared
            self.worker.request("surface", lambda: surfaceOf(prepared.volume), self._onSurface)

    def _onDrawn(self, drawing, error):
        if error is not None:
            self._fail(error)
        elif not self.closed and self.p.drr is not None and self.p.comparison is not None:
            self.overlay.show(drawing)
            self.overlay.compose(self.xray.composite())

    def _onOutlines(self, sketch, outlines, error):
        if error is not None:
            self._fail(error)
        elif not self.closed and self.p.pose is not None and self.p.segmentation is not None:
            self.overlay.showOutlines(outlines, sketch.segmentIds, sketch.camera.intrinsics)

    def _onAhead(self, sketch, move, drawn, error):
        if error is not None:
            self._fail(error)
        elif not self.closed and self._moved(move):
            drawing, outlines = drawn
            self._onDrawn(drawing, None)
            self.overlay.showLandmarks(sketch.camera)
            if outlines is not None:
                self._onOutlines(sketch, outlines, None)

    def _onHand(self, sketch, move, drawing, error):
        if not self.closed and self._moved(move):
            self._onDrawn(drawing, error)
            self._drawOver(sketch)

    def _moved(self, move):
        """``move()`` without drawing what is drawn already."""
        self._moving = True
        try:
            return move()
        finally:
            self._moving = False

    def _onSurface(self, polyData, error):
        if error is not None:
            self._fail(error)
        elif not self.closed and self.p.ct is not None:
            showSurface(self.p, polyData)

    def _fail(self, error):
        self.problem = str(error)
        self.onChange()
