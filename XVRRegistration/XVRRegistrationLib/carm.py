"""The C-arm as hand and registration move it: its pose, what is drawn of it, undo and redo."""

from dataclasses import replace

import qt

from . import starts
from .pose_steps import PoseSteps

REST_MS = 250
"""A pose that has not moved for so long is drawn finely, and becomes a step to return to."""


class CArm:
    """Moves the pose transform of a :class:`.session.Session`.

    ``placedByHand`` tells that the pose is the user's, and not from the header or a registration.
    """

    def __init__(self, session):
        self.session, self.steps = session, PoseSteps()
        self.placedByHand, self._placed = False, True
        self._aim = None
        self._restTimer = qt.QTimer()
        self._restTimer.setSingleShot(True)
        self._restTimer.setInterval(REST_MS)
        self._restTimer.connect("timeout()", self._onRest)

    def close(self):
        self._restTimer.stop()

    def forgetSteps(self):
        """Of another frame: undo stays within one."""
        self.steps, self._aim = PoseSteps(), None

    def startAfresh(self):
        """Another X-ray: it has been nowhere yet, and is placed where its header says as soon as that is possible."""
        self.forgetSteps()
        self.placedByHand, self._placed = False, False

    @property
    def resting(self):
        """Whether the pose has moved just now, and its fine drawing is still to come."""
        return self._restTimer.active

    def restSoon(self):
        self._restTimer.start()

    # ------------------------------------------------------------ moving

    def moveTo(self, rasFromCamera):
        self.session.xray.setPose(rasFromCamera)

    @property
    def aim(self):
        """Where the hand has moved it to: the C-arm follows as soon as is drawn what is seen from there."""
        return self.session.xray.rasFromCamera() if self._aim is None else self._aim

    def moveByHand(self, rasFromCamera):
        self.placedByHand, self._aim = True, rasFromCamera
        camera = replace(self.session.xray.camera(), ras_from_camera=rasFromCamera)
        if not self.session.drawer.drawAtHand(camera, lambda: self._follow(rasFromCamera)):
            self.arrive()

    def _follow(self, rasFromCamera):
        """Move to where the hand has been, unless the C-arm was moved otherwise since; whether it was moved."""
        aim = self._aim
        if aim is None or not self.session.xray.isPlaced():
            return False
        self.moveTo(rasFromCamera)
        self._aim = None if aim is rasFromCamera else aim
        return True

    def arrive(self):
        """Move to where the hand is now, drawn or not."""
        self._follow(self._aim)

    def showCamera(self, camera):
        """Move to a camera of the core, mirrored or not as it says."""
        self.showPlace(camera.ras_from_camera, camera.intrinsics.flipped)

    def showPlace(self, rasFromCamera, flipped):
        """Move to a pose, at which the image is mirrored or not."""
        if self.session.xray.intrinsics().flipped != flipped:
            self.session.xray.setFlipped(flipped)
            self.session.drawer.readingChanged()
        self.moveTo(rasFromCamera)

    def placeNominally(self):
        """Where the header says, looking at the middle of the volume; its drawing follows from the pose's change."""
        self.moveTo(starts.nominalPose(self.session.reading.radiograph, self.session.drawer.centerRas))

    def flip(self):
        """Read the image as its mirror image, here and in what follows."""
        flipped = not self.session.xray.intrinsics().flipped
        self.session.xray.setFlipped(flipped)
        self.session.drawer.readingChanged()
        self.session.edit(flip=flipped)
        self.draw()
        self.restSoon()

    def undo(self):
        self.arrive()
        self._onRest()
        self.restore(*self.steps.undo())

    def redo(self):
        self.restore(*self.steps.redo())

    def restore(self, rasFromCamera, flipped):
        """Go back to where the C-arm has been."""
        self._restTimer.stop()
        if self.session.xray.intrinsics().flipped != flipped:
            self.flip()
        self.moveTo(rasFromCamera)

    # ------------------------------------------------------------ what follows the pose

    def onPose(self, caller=None, event=None):
        """The pose transform was moved, by whomever; drawing says what is wrong with it, if anything is."""
        self._aim = None
        if self.session.xray.isPlaced():
            self.session.xray.look()
            self.restSoon()
        self.draw()
        self.session.onChange()

    def _onRest(self):
        """The hand rests: draw finely and remember the place."""
        if self.session.closed or not self.session.xray.isPlaced():
            return
        if not self.session.worker.busy:
            self.session.drawer.drawFinely()
            camera = self.session.xray.camera()
            self.steps.reached(camera.ras_from_camera, camera.intrinsics.flipped)
        self.session.onChange()

    def draw(self):
        """Have all that is drawn follow the pose; a new X-ray is first placed where its header says."""
        session = self.session
        if not self._placed and session.drawer.prepared() is not None and session.xray.isPlaced():
            self._placed = True
            self.placeNominally()
            session.frames.spreadPose()
            session.xray.showInView()
        else:
            session.drawer.draw()
