"""Panel, 2: the range of views that the network learns: a preset, what is stated of it, and a picture."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable

from .command_line import RANGES
from .picture import showPicture

SETTLED = 1e-3


class RangeSection:
    """Boxes are named after the core's fields: primary_deg is primaryLow and primaryHigh."""

    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._updating, self._shown = False, None
        for field in RANGES:
            for box in self._boxes(field):
                box.connect("valueChanged(double)", self._slotOf(field))
        ui.presetButton.connect("clicked()", self._onPreset)

    def _boxes(self, field):
        name = field.rsplit("_", 1)[0]
        return getattr(self.ui, f"{name}Low"), getattr(self.ui, f"{name}High")

    def _slotOf(self, field):
        return lambda value: self._onEdited(field)

    def _onEdited(self, field):
        if not self._updating and self.panel.session is not None:
            self.panel.session.state(field, [float(box.value) for box in self._boxes(field)])

    def _onPreset(self):
        self.panel.parameters.intervals = "{}"

    def update(self, session):
        known, stated = session.poseRange is not None, session.p.intervals != "{}"
        why = "" if known or session.rangeProblem else _("The detector's geometry comes first.")
        self._updating = True
        for field in RANGES:
            for box, value in zip(self._boxes(field), getattr(session.poseRange, field, (None, None)), strict=True):
                enable(box, why)
                if value is not None and abs(box.value - value) > SETTLED:
                    box.value = value
        self._updating = False
        enable(self.ui.presetButton, "" if stated else _("This is the preset."))
        self.ui.rangeWords.text = why or session.rangeProblem or session.poseRange.in_words()
        self._showPicture(session)

    def _showPicture(self, session):
        picture = session.picture
        waiting = picture is None and session.poseRange is not None and session.subject is not None
        self.ui.viewsCaption.text = _("Views drawn at random from this range.") if picture is not None else \
            _("Drawing views of this range…") if waiting else ""
        if picture is self._shown:
            return
        self._shown = picture
        path = Path(slicer.app.temporaryPath) / "xvr_views.png"
        if picture is not None:
            path.write_bytes(picture)
        showPicture(self.ui.viewsPicture, None if picture is None else path)
