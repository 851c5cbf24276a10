"""Panel, 4: the pose by hand."""

from dataclasses import replace

from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable
from xvrcore.positioner import antipode

from .hand_pose import LEAST_DEPTH_MM, depthOf, handPoseOf, poseOf

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
        if self._updating or session is None or self._whyNot(session):
            return
        camera, center = _cameraAtHand(session), session.drawer.centerRas
        hand = replace(handPoseOf(camera, center), **{name: float(value)})
        session.carm.moveByHand(poseOf(hand, camera.intrinsics, center))

    def _onAntipode(self):
        session = self.panel.session
        session.carm.moveByHand(antipode(session.carm.aim, session.drawer.centerRas))

    def _whyNot(self, session):
        """Why the pose cannot be moved, in words; empty when it can."""
        if session.worker.busy:
            return _("A registration is under way.")
        if session.drawer.centerRas is None or not session.xray.isPlaced():
            return session.registering.blocked() or _("Choose a volume and an X-ray first.")
        if depthOf(session.xray.rasFromCamera(), session.drawer.centerRas) < LEAST_DEPTH_MM:
            return _("The volume is not in front of the X-ray source; go back, or start from the header.")
        return ""

    def update(self, session):
        why = self._whyNot(session)
        for name in (*(f"{s}Slider" for s in SLIDERS), "antipodeButton", "flipButton"):
            enable(getattr(self.ui, name), why)
        moved = "" if session.xray.isPlaced() and not session.worker.busy else why
        enable(self.ui.handlesCheckBox, moved)
        steps = session.carm.steps
        enable(self.ui.undoButton, moved or ("" if steps.canUndo else _("There is no pose before this one.")))
        enable(self.ui.redoButton, moved or ("" if steps.canRedo else _("Nothing was undone.")))
        if why:
            self.ui.handStatus.text = why
        else:
            self._showPose(session)

    def _showPose(self, session):
        hand = handPoseOf(_cameraAtHand(session), session.drawer.centerRas)
        self._updating = True
        for name in SLIDERS:
            self._slider(name).value = float(getattr(hand, name))
        self._updating = False
        self.ui.handStatus.text = _("{primary}, {secondary}; the source is {depth:.0f} mm before the middle of the "
                                    "volume.").format(primary=_sided(hand.primary, "LAO", "RAO"), depth=hand.depth,
                                                      secondary=_sided(hand.secondary, "CRA", "CAU"))


def _cameraAtHand(session):
    return replace(session.xray.camera(), ras_from_camera=session.carm.aim)


def _sided(degrees, positive, negative):
    return _("{angle:.1f}° {side}").format(angle=abs(degrees), side=positive if degrees >= 0 else negative)
