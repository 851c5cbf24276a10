"""Panel, 3: where the registration starts from."""

from slicer.i18n import tr as _

from XVRCommonLib.enabling import enable
from xvrcore.errors import InputError

KINDS = ("auto", "header", "network", "search", "landmarks", "current")


class StartSection:
    def __init__(self, ui, panel):
        self.ui, self.panel, self._state = ui, panel, None
        for kind in KINDS:
            self._button(kind).connect("clicked()", self._slotOf(kind))
        ui.points2dSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onPoints2d)

    @property
    def kind(self):
        return next(kind for kind in KINDS if self._button(kind).checked)

    def _button(self, kind):
        return getattr(self.ui, f"{kind}Button")

    def _slotOf(self, kind):
        return lambda: self._onStart(kind)

    def _onStart(self, kind):
        """Show where it would start; what is missing is said where the user looks."""
        session = self.panel.session
        if session.registering.blocked():
            return
        try:
            self.ui.startStatus.text = _("Start: {words}.").format(words=session.registering.placeAt(kind).words)
        except InputError as error:
            self.ui.startStatus.text = str(error)

    def _onPoints2d(self, node):
        """Points on the X-ray move with it: they belong into its frame."""
        session = self.panel.session
        if session is not None and node is not None:
            session.attachPoints(node)

    def update(self, session):
        p, blocked = session.p, session.registering.blocked()
        for kind in KINDS:
            enable(self._button(kind), blocked)
        nodes = tuple(node and node.GetID() for node in (p.points3d, p.points2d, p.templateTransform))
        state = (blocked, self.kind, p.network, nodes, session.shownXray, p.edits, session.carm.placedByHand)
        if state != self._state and not session.worker.busy:
            self._state = state
            self.ui.startStatus.text = blocked or self._words(session)

    def _words(self, session):
        """Where a registration would start from now."""
        try:
            return _("Start: {words}.").format(words=session.registering.startFor(self.kind).words)
        except InputError as error:
            return str(error)
