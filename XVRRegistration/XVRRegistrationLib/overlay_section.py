"""Panel, 6: how X-ray and volume are shown together, and in which views."""

import qt
from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable

from . import layouts
from .parameters import Overlay

FLICKER_MS = 300


class OverlaySection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._flickerOn, self._shown = True, None
        self.flickerTimer = qt.QTimer()
        self.flickerTimer.setInterval(FLICKER_MS)
        self.flickerTimer.connect("timeout()", self._onFlicker)
        ui.layoutButton.connect("clicked()", lambda: self.showLayout(layouts.WITH_3D))
        ui.sliceLayoutButton.connect("clicked()", lambda: self.showLayout(layouts.WITH_SLICES))
        ui.fitButton.connect("clicked()", self._onFit)

    def close(self):
        self.flickerTimer.stop()

    def showLayout(self, layoutId):
        layouts.showLayout(layoutId)
        session = self.panel.session
        if session.xray.isPlaced():
            session.xray.showInView()
            session.overlay.compose(session.xray.composite())
        if layoutId == layouts.WITH_SLICES and session.p.ct is not None:
            layouts.showCt(session.p.ct)

    def _onFit(self):
        if self.panel.session.xray.isPlaced():
            self.panel.session.xray.showInView()

    def _onFlicker(self):
        self._flickerOn = not self._flickerOn
        session = self.panel.session
        session.overlay.compose(session.xray.composite(), self._flickerOn)

    def update(self, session):
        """Apply what the parameters say, where it has changed."""
        p = session.p
        self.ui.overlayStatus.text = self._words(session)
        enable(self.ui.blendSlider, "" if p.overlay == Overlay.Blend else _("Only for the blend of both."))
        enable(self.ui.fitButton, "" if session.xray.isPlaced() else _("Choose an X-ray first."))
        state = (p.overlay, p.blend, p.showField, p.showOutlines, p.fillOutlines, p.showLandmarks, p.showHandles)
        if state == self._shown or not session.xray.isPlaced():
            return
        before, self._shown = self._shown, state
        if p.overlay == Overlay.Flicker:
            self.flickerTimer.start()
        else:
            self.flickerTimer.stop()
        session.xray.showField(p.showField)
        session.overlay.updateDisplay()
        session.overlay.compose(session.xray.composite())
        if before is None or before[6] != p.showHandles:
            session.xray.showHandles(p.showHandles, session.drawer.centerRas)
        session.drawer.drawFinely()

    def _words(self, session):
        if not session.xray.isPlaced():
            return _("Nothing is shown yet.")
        if session.p.segmentation is None:
            return _("Choose a segmentation in section 1 to project its segments.")
        shown = len(session.overlay.shownSegments()) if session.p.showOutlines else 0
        return _("{shown} of {count} segments are projected.").format(
            shown=shown, count=session.p.segmentation.GetSegmentation().GetNumberOfSegments())

    def forget(self):
        """Of a scene that is gone."""
        self.flickerTimer.stop()
        self._shown = None
