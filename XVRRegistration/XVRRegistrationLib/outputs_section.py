"""Panel, 7: files and tables of the found pose."""

from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable
from XVRCommonLib.job_list import rootFolder
from xvrcore.errors import InputError

from . import outputs


class OutputsSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        ui.exportFolder.directory = str(rootFolder())
        ui.exportButton.connect("clicked()", self._onExport)
        ui.metricsButton.connect("clicked()", self._onMetrics)

    def _onExport(self):
        session = self.panel.session
        self.ui.outputsStatus.text = _("Writing…")
        try:
            outputs.export(session, str(self.ui.exportFolder.directory), self._onWritten)
        except InputError as error:
            self.ui.outputsStatus.text = str(error)

    def _onWritten(self, folder, error):
        self.ui.outputsStatus.text = str(error) if error is not None else _("Written to {folder}.").format(
            folder=folder)

    def _onMetrics(self):
        node = outputs.showMetrics(self.panel.session)
        self.ui.outputsStatus.text = _("See the table {name}.").format(name=node.GetName())

    def update(self, session):
        enable(self.ui.exportButton, session.registering.blocked())
        enable(self.ui.metricsButton, "" if session.registering.attempts else _("Register first."))
