"""Registering in the background, from a start to a verdict: one X-ray, or all frames in turn."""

import time
from dataclasses import replace

from slicer.i18n import tr as _

from xvrcore.camera import Camera
from xvrcore.errors import InputError, WorkError

from . import starts
from .attempt import attemptOf, placeOf
from .frame_run import FrameRun

LIVE_S = 0.2
"""While registering, the overlay moves no more often than this."""


class Registering:
    """Registers what a :class:`.session.Session` shows.

    ``result`` is the core's of the last registration, ``before`` the camera it began at (None if it was abandoned) and
    ``ct`` its volume's node, ``progress`` the last step of the one under way.
    """

    def __init__(self, session):
        self.session = session
        self.result = self.before = self.ct = self.progress = None
        self.allFrames = FrameRun(self)
        self.cancelling, self._words, self._liveSince = False, "", 0.0

    def forget(self):
        """Of another X-ray."""
        self.result = self.before = None

    def blocked(self):
        """Why nothing can be registered now, in words; empty when all is there."""
        session = self.session
        if session.worker.busy:
            return _("A registration is under way.")
        if session.p.ct is None:
            return _("Choose a CT or MR volume.")
        if session.drawer.problem:
            return session.drawer.problem
        if session.reading is None or session.reading.radiograph is None:
            return session.problem or _("Choose an X-ray and complete its geometry.")
        if session.xray.intrinsics() is None:
            return _("The X-ray's nodes were deleted; choose the X-ray again.")
        return ""

    # ------------------------------------------------------------ starting

    def startFor(self, kind):
        """The :class:`.starts.Start` that a start button stands for.

        :raises InputError: what it needs is not there.
        """
        radiograph, p, xray = self.session.reading.radiograph, self.session.p, self.session.xray
        chosen = self._automatic() if kind == "auto" else kind
        if chosen == "header":
            return starts.fromHeader(radiograph)
        if chosen == "network":
            return starts.fromNetwork(p.network, p.templateTransform, alone=kind == "network")
        if chosen == "landmarks":
            return starts.fromLandmarks(p.points3d, p.points2d, radiograph, xray.rasFromIjk())
        if chosen == "current":
            return starts.Start("given", (xray.rasFromCamera(),), _("current pose"))
        return starts.Start("wide", (), _("search of all standard views"))

    def _automatic(self):
        """What is there, the surest first."""
        p = self.session.p
        if self.session.carm.placedByHand:
            return "current"
        if self.session.hasPoints():
            return "landmarks"
        if p.network.is_file():
            return "network"
        return "header" if self.session.reading.radiograph.readings[0].positioner.has_angles else "search"

    def placeAt(self, kind):
        """Show where a registration of this kind would start; what a network tells is shown a moment later.

        :raises InputError: what it needs is not there.
        """
        session, start = self.session, self.startFor(kind)
        prepared, radiograph = session.drawer.prepared(), session.reading.radiograph
        if start.network is not None:
            session.worker.request("predict", lambda: start.given(radiograph, prepared), self._onPredicted)
        elif start.poses:
            session.carm.showCamera(Camera(start.intrinsics or session.xray.intrinsics(), start.poses[0]))
        elif start.name == "header":
            session.carm.placeNominally()
        return start

    def _onPredicted(self, given, error):
        session = self.session
        if error is not None:
            session.fail(error)
        elif not session.closed and not session.worker.busy and session.xray.isPlaced():
            session.carm.moveTo(given[0].ras_from_camera)

    def begin(self, kind, onEnd=None):
        """Find the pose; ``onEnd(result)`` with None if there is none.

        :param kind: a start button's, or a :class:`.starts.Start`.
        :raises InputError: nothing can be registered now, or the start needs something that is not there.
        """
        session = self.session
        session.carm.arrive()
        prepared, blocked = session.drawer.prepared(), self.blocked()
        if blocked:
            raise InputError(blocked)
        start, radiograph = kind if isinstance(kind, starts.Start) else self.startFor(kind), session.reading.radiograph
        patient = self._patientMaker(prepared)
        refined = {"refine_principal_point": session.p.refinePrincipalPoint, "refine_sdd": session.p.refineSdd}

        def steps():
            from xvrcore.registration import RegistrationSettings, register

            settings = RegistrationSettings(start=start.name, **refined)
            return (yield from register(radiograph, patient(), settings, start.given(radiograph, prepared)))

        self._words, self.result, self.cancelling, session.problem = start.words, None, False, ""
        self.before, self.ct = session.xray.camera(), session.p.ct
        session.worker.run(steps(), self._onProgress, lambda result, error: self._onEnd(result, error, onEnd))
        session.onChange()

    def _patientMaker(self, prepared):
        """What gives the patient to register, in the worker's thread: all of it, or the shown segments alone.

        :raises InputError: no segment is shown.
        """
        if not self.session.p.segmentsAlone:
            return prepared.patient
        found, shown = self.session.drawer.segments(), self.session.overlay.shownSegments()
        names = () if found is None else tuple(one.name for one in found[0].segments if one.name in shown)
        if not names:
            raise InputError(_("No segment is shown: choose a segmentation in section 1, or register all the volume."))
        return lambda: prepared.patientOf(found[0], names)

    def cancel(self):
        self.cancelling = True
        self.allFrames.stop()
        self.session.worker.cancel()

    def abandon(self):
        """Cancel, because an input was replaced: whatever was found so far says nothing about the new one."""
        if self.session.xray.isPlaced() and self.before is not None:
            self.session.carm.showCamera(self.before)
        self.before = None
        self.cancel()

    # ------------------------------------------------------------ under way

    def _onProgress(self, progress):
        session = self.session
        if session.closed:
            return
        self.progress = progress
        if time.monotonic() - self._liveSince > LIVE_S and progress.camera is not None and self._isShown():
            self._liveSince, began = time.monotonic(), self.before
            session.drawer.drawAhead(progress.camera, lambda: self._follow(progress.camera, began))
        session.onChange()

    def _follow(self, camera, began):
        """Show a step of the registration that began at ``began``, if it still runs; whether it was shown."""
        live = self.session.worker.busy and not self.cancelling and self.before is began and self._isShown()
        if live:
            self.session.carm.showCamera(camera)
        return live

    def _isShown(self):
        """Whether the X-ray that is registered is the one that is shown, at a pose that can be moved."""
        return self.session.xray.isPlaced() and self.session.frames.isShown()

    def _onEnd(self, result, error, onEnd):
        session = self.session
        if session.closed:
            return
        session.frames.select(session.p.frame)
        standing = self.progress.result if self.progress is not None else None
        self.progress, self.result = None, None if self.before is None else result or standing
        if isinstance(error, (InputError, WorkError)):
            session.fail(error)
        elif error is not None:
            session.problem = _("The registration failed unexpectedly: {error}").format(error=error)
        if session.xray.intrinsics() is None:
            session.problem = _("The X-ray's nodes were deleted while it was registered; the result is lost.")
            self.result = None
        elif self.result is not None:
            self._take(self.result)
        else:
            session.problem = session.problem or _("Cancelled; the pose is as it was before.")
            if session.xray.isPlaced() and self.before is not None:
                session.carm.showCamera(self.before)
        if onEnd is not None:
            onEnd(self.result)
        session.carm.restSoon()
        session.onChange()

    def _take(self, result):
        session = self.session
        session.history.add(attemptOf(result, self._words, session.shownXray, self.before))
        session.frames.note(session.p.frame, result.verdict.label)
        if not session.xray.isPlaced():
            session.problem = _("The pose that was found is in the table of attempts; restore it when {name} is a "
                                "rigid motion again.").format(name=session.p.pose.GetName())
            return
        reading = replace(result.reading, intrinsics=result.camera.intrinsics)
        session.drawer.readingChanged(reading)
        session.xray.show(reading, session.p.image.GetName())
        session.carm.moveTo(result.camera.ras_from_camera)
        session.carm.placedByHand = False

    # ------------------------------------------------------------ afterwards

    @property
    def attempts(self):
        """The :class:`.attempt.Attempt` s at the shown X-ray, the latest first."""
        return self.session.history.attemptsOf(self.session.shownXray)

    def shownAttempt(self, attempts):
        """The one at whose pose the X-ray stands, or None."""
        return next((attempt for attempt in attempts if self._standsAt(attempt.found)), None)

    def showsBefore(self, attempts):
        """Whether the X-ray stands where the last of these attempts began."""
        return bool(attempts) and self._standsAt(attempts[0].before) and not self._standsAt(attempts[0].found)

    def _standsAt(self, place):
        xray = self.session.xray
        return xray.isPlaced() and placeOf(xray.camera()).isAt(place)

    def showBefore(self, before):
        """Toggle between the poses before and after the last attempt."""
        attempts = self.attempts
        if attempts and self.session.xray.isPlaced():
            place = attempts[0].before if before else attempts[0].found
            self.session.carm.showPlace(place.rasFromCamera, place.flipped)
