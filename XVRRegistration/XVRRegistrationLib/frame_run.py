"""Registering all frames of a sequence in turn."""

from slicer.i18n import tr as _

from xvrcore.errors import InputError

from .starts import Start


class FrameRun:
    """Each frame starts from the pose of the one before; the first one from where it stands."""

    def __init__(self, registering):
        self.registering, self._left = registering, []

    def begin(self):
        """
        :raises InputError: nothing can be registered now.
        """
        session, blocked = self.registering.session, self.registering.blocked()
        if blocked:
            raise InputError(blocked)
        self._left = list(range(session.frames.count))
        self._beginNext(Start("given", (session.xray.rasFromCamera(),), _("current pose")))

    def stop(self):
        """After the frame that is being registered."""
        self._left = []

    def _beginNext(self, start):
        session, frame = self.registering.session, self._left.pop(0)

        def beginIt():
            try:
                self.registering.begin(start, self._onEnd)
            except InputError as error:
                session.fail(error)

        session.whenFrameIsRead(frame, beginIt)

    def _onEnd(self, result):
        if result is not None and self._left:
            self._beginNext(Start("given", (result.camera.ras_from_camera,), _("previous frame")))
