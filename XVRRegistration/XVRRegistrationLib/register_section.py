"""Panel, 5: registering, its verdict, and the attempts so far."""

import qt
from slicer.i18n import tr as _

from XVRCommonLib.colors import BAD, DOUBTFUL, GOOD, showColored
from XVRCommonLib.enabling import enable
from XVRCommonLib.text_table import TextTable
from xvrcore.errors import InputError

from .history import SHOWN

COLORS = {"registered": GOOD, "doubtful": DOUBTFUL, "failed": BAD}
START_WIDTH = 145
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
        ui.historyTable.horizontalHeader().setSectionResizeMode(START, qt.QHeaderView.Interactive)
        ui.historyTable.setColumnWidth(START, START_WIDTH)
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
            found = session.history.attempt(row).found
            session.carm.restore(found.rasFromCamera, found.flipped)

    def _onComment(self, row, column):
        if not self.table.filling and column == COMMENT:
            self.panel.session.history.comment(row, self.table.text(row, column))
            self.panel.updateSoon()

    def _onSelection(self):
        self._showRestore(self.panel.session)

    # ------------------------------------------------------------ showing

    def update(self, session):
        busy, attempts = session.worker.busy, session.registering.attempts
        enable(self.ui.registerButton, session.registering.blocked())
        enable(self.ui.cancelButton, "" if busy else _("Nothing is being registered."))
        self._showProgress(session, busy, attempts)
        self._showVerdict(session, busy, attempts)
        self._showBefore(session, busy, attempts)
        self._showHistory(session)
        self._showRestore(session)

    def _showProgress(self, session, busy, attempts):
        progress = session.registering.progress
        if busy and progress is not None:
            self.ui.progressBar.value = round(1000 * progress.fraction)
            score = "" if progress.score is None else _(", score {score:.3f}").format(score=progress.score)
            if not session.registering.cancelling:
                self.ui.progressLabel.text = progress.phase + score
        elif not busy:
            self.ui.progressBar.value = 1000 if attempts else 0
            self.ui.progressLabel.text = ""

    def _showVerdict(self, session, busy, attempts):
        attempt = None if busy else session.registering.shownAttempt(attempts)
        words, color, reasons = _("Registering…") if busy else _("Not registered yet."), "", ()
        if attempt is not None:
            words = _("{verdict}: confidence {confidence:.2f}, score {score:.3f}").format(
                verdict=_words(attempt.verdict), confidence=attempt.confidence, score=attempt.score)
            color, reasons = COLORS[attempt.verdict], attempt.reasons
        elif attempts and not busy:
            words = _("Another pose than the registered one is shown.")
        showColored(self.ui.verdictLabel, words, color)
        self.ui.reasonsLabel.text = "\n".join(reasons)

    def _showBefore(self, session, busy, attempts):
        self._updating = True
        self.ui.beforeButton.checked = session.registering.showsBefore(attempts)
        self._updating = False
        enable(self.ui.beforeButton, _busy(busy) or _unplaced(session) or ("" if attempts else _("Register first.")))

    def _showHistory(self, session):
        self.table.show(session.history.rows())

    def _showRestore(self, session):
        chosen = self.ui.historyTable.currentRow() >= 0
        enable(self.ui.restoreButton, _busy(session is not None and session.worker.busy) or _unplaced(session) or (
            "" if chosen else _("Select an attempt in the table.")))


def _unplaced(session):
    return "" if session is not None and session.xray.isPlaced() else _("Choose an X-ray first.")


def _busy(busy):
    return _("A registration is under way.") if busy else ""


def _words(verdict):
    return {"registered": _("Registered"), "doubtful": _("Doubtful"), "failed": _("Failed")}[verdict]
