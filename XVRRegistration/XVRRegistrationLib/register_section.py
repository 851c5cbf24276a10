"""Panel, 5: registering, its verdict, and the attempts so far."""

from slicer.i18n import tr as _

from XVRCommonLib.colors import BAD, DOUBTFUL, GOOD, showColored
from XVRCommonLib.text_table import TextTable
from xvrcore.errors import InputError

from .history import SHOWN

COLORS = {"registered": GOOD, "doubtful": DOUBTFUL, "failed": BAD}
START_WIDTH = 150
START, COMMENT = SHOWN.index("start"), SHOWN.index("comment")


class RegisterSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._updating = False
        ui.registerButton.connect("clicked()", self._onRegister)
        ui.cancelButton.connect("clicked()", self._onCancel)
        ui.beforeButton.connect("toggled(bool)", self._onBefore)
        ui.restoreButton.connect("clicked()", self._onRestore)
        self.table = TextTable(ui.historyTable, (_("Time"), _("Start"), _("Score"), _("Verdict"), _("Comment")),
                               editable=(COMMENT,))
        ui.historyTable.connect("cellChanged(int,int)", self._onComment)
        ui.historyTable.connect("itemSelectionChanged()", self._onSelection)

    def _onRegister(self):
        session = self.panel.session
        try:
            session.registering.begin(self.panel.startSection.kind)
        except InputError as error:
            session.fail(error)

    def _onCancel(self):
        self.panel.session.registering.cancel()
        self.ui.progressLabel.text = _("Cancelling…")

    def _onBefore(self, on):
        if not self._updating:
            self.panel.session.registering.showBefore(on)

    def _onRestore(self):
        row, session = self.ui.historyTable.currentRow(), self.panel.session
        if row >= 0:
            session.carm.restore(*session.history.poseOf(row))

    def _onComment(self, row, column):
        if not self.table.filling and column == COMMENT:
            self.panel.session.history.comment(row, self.table.text(row, column))

    def _onSelection(self):
        self._showRestore(self.panel.session)

    # ------------------------------------------------------------ showing

    def update(self, session):
        busy, blocked = session.worker.busy, session.registering.blocked()
        self.ui.registerButton.enabled = not blocked
        self.ui.registerButton.toolTip = blocked or _("Find the pose of the X-ray")
        self.ui.cancelButton.enabled = busy
        self._showProgress(session, busy)
        self._showVerdict(session, busy)
        self._showHistory(session)
        self._showRestore(session)

    def _showProgress(self, session, busy):
        progress = session.registering.progress
        if busy and progress is not None:
            self.ui.progressBar.value = round(1000 * progress.fraction)
            score = "" if progress.score is None else _(", score {score:.3f}").format(score=progress.score)
            if not session.registering.cancelling:
                self.ui.progressLabel.text = progress.phase + score
        elif not busy:
            self.ui.progressBar.value = 1000 if session.registering.result is not None else 0
            self.ui.progressLabel.text = ""

    def _showVerdict(self, session, busy):
        label, result = self.ui.verdictLabel, session.registering.result
        if result is None:
            showColored(label, _("Registering…") if busy else _("Not registered yet."))
            self.ui.reasonsLabel.text = ""
        elif not session.registering.atResult:
            showColored(label, _("Another pose than the registered one is shown."))
            self.ui.reasonsLabel.text = ""
        else:
            verdict = result.verdict
            words = _("{verdict}: confidence {confidence:.2f}, score {score:.3f}").format(
                verdict=_words(verdict.label), confidence=verdict.confidence, score=result.scores["similarity"])
            showColored(label, words, COLORS[verdict.label])
            self.ui.reasonsLabel.text = "\n".join((*verdict.reasons, *result.notes))
        self._updating = True
        self.ui.beforeButton.enabled = result is not None and not busy
        if result is None:
            self.ui.beforeButton.checked = False
        self._updating = False

    def _showHistory(self, session):
        if self.table.show(session.history.rows()):
            table = self.ui.historyTable
            table.setColumnWidth(START, min(table.columnWidth(START), START_WIDTH))

    def _showRestore(self, session):
        self.ui.restoreButton.enabled = session is not None and not session.worker.busy and \
            self.ui.historyTable.currentRow() >= 0


def _words(verdict):
    return {"registered": _("Registered"), "doubtful": _("Doubtful"), "failed": _("Failed")}[verdict]
