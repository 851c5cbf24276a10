"""Panel, 5: registering, its verdict, and the attempts so far."""

import qt
from slicer.i18n import tr as _

from xvrcore.errors import InputError

from .history import SHOWN

COLORS = {"registered": "#1e7b34", "doubtful": "#a86400", "failed": "#a12622"}
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
        table = ui.historyTable
        table.setColumnCount(len(SHOWN))
        table.setHorizontalHeaderLabels((_("Time"), _("Start"), _("Score"), _("Verdict"), _("Comment")))
        table.horizontalHeader().setStretchLastSection(True)
        table.verticalHeader().setVisible(False)
        table.connect("cellChanged(int,int)", self._onComment)
        table.connect("itemSelectionChanged()", self._onSelection)

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
        if not self._updating and column == COMMENT:
            self.panel.session.history.comment(row, self.ui.historyTable.item(row, column).text())

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
            label.text = _("Registering…") if busy else _("Not registered yet.")
            label.styleSheet = self.ui.reasonsLabel.text = ""
        elif not session.registering.atResult:
            label.text = _("Another pose than the registered one is shown.")
            label.styleSheet = self.ui.reasonsLabel.text = ""
        else:
            verdict = result.verdict
            label.text = _("{verdict}: confidence {confidence:.2f}, score {score:.3f}").format(
                verdict=_words(verdict.label), confidence=verdict.confidence, score=result.scores["similarity"])
            label.styleSheet = f"background-color: {COLORS[verdict.label]}; color: white; padding: 4px"
            self.ui.reasonsLabel.text = "\n".join((*verdict.reasons, *result.notes))
        self._updating = True
        self.ui.beforeButton.enabled = result is not None and not busy
        if result is None:
            self.ui.beforeButton.checked = False
        self._updating = False

    def _showHistory(self, session):
        table, rows = self.ui.historyTable, session.history.rows()
        shown = [tuple(table.item(r, c).text() for c in range(len(SHOWN))) for r in range(table.rowCount)]
        if rows == shown:
            return
        self._updating = True
        table.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(text)
                if c != COMMENT:
                    item.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
                table.setItem(r, c, item)
        table.resizeColumnsToContents()
        table.setColumnWidth(START, min(table.columnWidth(START), START_WIDTH))
        self._updating = False

    def _showRestore(self, session):
        self.ui.restoreButton.enabled = session is not None and not session.worker.busy and \
            self.ui.historyTable.currentRow() >= 0


def _words(verdict):
    return {"registered": _("Registered"), "doubtful": _("Doubtful"), "failed": _("Failed")}[verdict]
