"""Panel: the frames of a sequence, shown where there are several."""

from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable
from xvrcore.errors import InputError


class SequenceSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        ui.registerFrameButton.connect("clicked()", self._onFrame)
        ui.registerAllButton.connect("clicked()", self._onAll)
        self._browser = None

    def _onFrame(self):
        self._try(lambda session: session.registering.begin("current"))

    def _onAll(self):
        self._try(lambda session: session.registering.allFrames.begin())

    def _try(self, work):
        session = self.panel.session
        try:
            work(session)
        except InputError as error:
            session.fail(error)

    def update(self, session):
        frames = session.frames
        several = frames.count > 1
        self.ui.sequenceSection.visible = several
        browser = session.p.browser if several else None
        if self._browser is not browser:
            self._browser = browser
            self.ui.frameSeeker.setMRMLSequenceBrowserNode(browser)
        if not several:
            return
        verdicts = frames.verdicts()
        own = verdicts.get(session.p.frame, _("not registered"))
        self.ui.sequenceStatus.text = _("Frame {frame} of {count}: {verdict}. {done} registered.").format(
            frame=session.p.frame + 1, count=frames.count, verdict=own, done=len(verdicts))
        for button in (self.ui.registerFrameButton, self.ui.registerAllButton):
            enable(button, session.registering.blocked())
