"""Panel: the frames of a sequence, shown where there are several."""

from slicer.i18n import tr as _

from xvrcore.errors import InputError


class SequenceSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        ui.registerFrameButton.connect("clicked()", self._onFrame)
        ui.registerAllButton.connect("clicked()", self._onAll)

    def _onFrame(self):
        self._try(lambda session: session.registering.begin("current"))

    def _onAll(self):
        self._try(lambda session: session.registering.beginAll())

    def _try(self, work):
        session = self.panel.session
        try:
            work(session)
        except InputError as error:
            session.fail(error)

    def update(self, session):
        frames = session.frames
        self.ui.sequenceSection.visible = frames.count > 1
        if frames.count < 2:
            return
        if self.ui.frameSeeker.mrmlSequenceBrowserNode() is not session.p.browser:
            self.ui.frameSeeker.setMRMLSequenceBrowserNode(session.p.browser)
        verdicts = frames.verdicts()
        own = verdicts.get(session.p.frame, _("not registered"))
        self.ui.sequenceStatus.text = _("Frame {frame} of {count}: {verdict}. {done} registered.").format(
            frame=session.p.frame + 1, count=frames.count, verdict=own, done=len(verdicts))
        blocked = session.registering.blocked()
        for button in (self.ui.registerFrameButton, self.ui.registerAllButton):
            button.enabled = not blocked
