"""Panel, 4: the pose by hand."""

from dataclasses import replace

from slicer.i18n import tr as _

from xvrcore.positioner import antipode

from .hand_pose import handPoseOf, poseOf

SLIDERS = ("right", "down", "depth", "roll", "primary", "secondary")


class HandSection:
    """Sliders, antipode, flip, undo and redo, and the handles in 3D."""

    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._updating = False
        for name in SLIDERS:
            self._slider(name).connect("valueChanged(double)", self._slotOf(name))
        ui.antipodeButton.connect("clicked()", self._onAntipode)
        ui.flipButton.connect("clicked()", lambda: self.panel.session.carm.flip())
        ui.undoButton.connect("clicked()", lambda: self.panel.session.carm.undo())
        ui.redoButton.connect("clicked()", lambda: self.panel.session.carm.redo())

    def _slider(self, name):
        return getattr(self.ui, f"{name}Slider")

    def _slotOf(self, name):
        return lambda value: self._onSlider(name, value)

    def _onSlider(self, name, value):
        session = self.panel.session
        if self._updating or session is None or not self._usable(session):
            return
        camera, center = session.xray.camera(), session.drawer.centerRas
        hand = replace(handPoseOf(camera, center), **{name: float(value)})
        session.carm.moveByHand(poseOf(hand, camera.intrinsics, center))

    def _onAntipode(self):
        session = self.panel.session
        session.carm.moveByHand(antipode(session.xray.rasFromCamera(), session.drawer.centerRas))

    def _usable(self, session):
        shown = session.drawer.centerRas is not None and session.xray.isPlaced()
        return shown and not session.worker.busy

    def update(self, session):
        usable = self._usable(session)
        for name in (*(f"{s}Slider" for s in SLIDERS), "antipodeButton", "flipButton", "handlesCheckBox"):
            getattr(self.ui, name).enabled = usable
        self.ui.undoButton.enabled = usable and session.carm.steps.canUndo
        self.ui.redoButton.enabled = usable and session.carm.steps.canRedo
        self.ui.handSection.toolTip = "" if usable else _("Choose a volume and an X-ray first.")
        if usable:
            self._showPose(session)

    def _showPose(self, session):
        hand = handPoseOf(session.xray.camera(), session.drawer.centerRas)
        self._updating = True
        for name in SLIDERS:
            self._slider(name).value = float(getattr(hand, name))
        self._updating = False
