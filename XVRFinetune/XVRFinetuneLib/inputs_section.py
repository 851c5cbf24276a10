"""Panel, 1: the volume, the segments, and the detector, from an example X-ray or typed."""

import pathlib

from slicer.i18n import tr as _

from XVRCommonLib.colors import MISSING_STYLE
from XVRCommonLib.drop_area import DropArea
from XVRCommonLib.enabling import enable
from XVRCommonLib.volumes import MODALITIES

from .subject import segmentsInWords

SPACING = ("rowSpacing", "columnSpacing")
OPTION_OF = {"sdd": "sdd_mm", "rowSpacing": "pixel_spacing_mm", "columnSpacing": "pixel_spacing_mm"}
"""Boxes' names to the core's option."""


class InputsSection:
    def __init__(self, ui, panel):
        self.ui, self.panel = ui, panel
        self._updating = False
        self.dropArea = DropArea(self.useFile)
        ui.inputsSection.layout().insertRow(5, self.dropArea)
        ui.xraySelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onNode)
        ui.xrayPath.connect("currentPathChanged(QString)", self._onPath)
        ui.modalityCombo.connect("currentIndexChanged(int)", self._onModality)
        for name in OPTION_OF:
            self._box(name).connect("valueChanged(double)", self._slotOf(name))
        for name in ("rows", "cols"):
            self._box(name).connect("valueChanged(int)", self._onSize)
        ui.headerValuesButton.connect("clicked()", self._onHeaderValues)

    def useFile(self, path):
        """Take an X-ray from a file."""
        self.ui.xrayPath.currentPath = str(path)

    def _box(self, name):
        return getattr(self.ui, f"{name}Box")

    def _onPath(self, path):
        p = self.panel.parameters
        if p is None or pathlib.Path(path) == p.xrayFile or (path and not pathlib.Path(path).is_file()):
            return
        p.edits = "{}"
        if path:
            p.xraySource = None
            self.ui.xrayPath.addCurrentPathToHistory()
        p.xrayFile = pathlib.Path(path)

    def _onNode(self, node):
        p = self.panel.parameters
        if p is None or node is None:
            return
        p.edits = "{}"
        p.xrayFile = pathlib.Path()
        self.ui.xrayPath.currentPath = ""

    def _onModality(self, index):
        if self.panel.parameters is not None:
            self.panel.parameters.modality = list(MODALITIES)[index]

    def _slotOf(self, name):
        return lambda value: self._onEdited(name)

    def _onEdited(self, name):
        session = self.panel.session
        if self._updating or session is None:
            return
        if name in SPACING:
            first, second = (float(self._box(one).value) for one in SPACING)
            value = (first or second, second or first)
        else:
            value = float(self._box(name).value)
        session.edit(**{OPTION_OF[name]: value})

    def _onSize(self, value):
        p = self.panel.parameters
        if not self._updating and p is not None:
            p.rows, p.cols = int(self.ui.rowsBox.value), int(self.ui.colsBox.value)

    def _onHeaderValues(self):
        self.panel.parameters.edits = "{}"

    # ------------------------------------------------------------ showing

    def update(self, session):
        p = session.p
        index = list(MODALITIES).index(p.modality)
        if self.ui.modalityCombo.currentIndex != index:
            self.ui.modalityCombo.currentIndex = index
        path = "" if str(p.xrayFile) == "." else str(p.xrayFile)
        if path and path != self.ui.xrayPath.currentPath:
            self.ui.xrayPath.currentPath = path
        self._updating = True
        self._showGeometry(session)
        self._updating = False
        edited = session.hasXray and p.edits != "{}"
        enable(self.ui.headerValuesButton, "" if edited else _("Nothing was typed over an X-ray's values."))
        self.ui.inputsStatus.text = self._words(session)

    def _showGeometry(self, session):
        intrinsics = session.example.intrinsics if session.example is not None else None
        values = _known(session) if intrinsics is None else {
            "sdd": intrinsics.sdd_mm, "rowSpacing": intrinsics.spacing_mm[0], "columnSpacing": intrinsics.spacing_mm[1],
            "rows": intrinsics.rows, "cols": intrinsics.cols}
        for name, value in values.items():
            box = self._box(name)
            if box.value != value:
                box.value = value
            box.styleSheet = MISSING_STYLE if self._isMissing(session, name, value) else ""
        for name in ("rows", "cols"):
            enable(self._box(name), _("The X-ray's own") if session.hasXray else "")

    def _isMissing(self, session, name, value):
        if session.reading is not None:
            return OPTION_OF.get(name) in session.reading.missing
        return not session.hasXray and not value

    def _words(self, session):
        if session.p.ct is None:
            return _("Choose a CT or MR volume.")
        words = [session.volumeProblem or segmentsInWords(session.p.segmentation), session.xrayProblem]
        intrinsics = session.example.intrinsics if session.example is not None else None
        if session.reading is not None:
            words.append(session.reading.remark())
        if session.reading is not None and session.reading.missing:
            words.append(_("The X-ray's file does not state all: type the highlighted values."))
        elif intrinsics is not None:
            words.append(_("The detector measures {width:.0f} x {height:.0f} mm.").format(
                width=intrinsics.cols * intrinsics.spacing_mm[1], height=intrinsics.rows * intrinsics.spacing_mm[0]))
        elif not session.hasXray:
            words.append(_("Choose an example X-ray, or type the highlighted values."))
        return "\n".join(filter(None, words))


def _known(session):
    """The values known of an incomplete geometry; 0 stands for unknown."""
    from XVRCommonLib.xrays import optionsOf

    options, facts = optionsOf(session.p.edits), {} if session.reading is None else session.reading.facts
    found = {name: getattr(options, name) or (facts[name].value if name in facts else None)
             for name in ("sdd_mm", "pixel_spacing_mm")}
    row, column = found["pixel_spacing_mm"] or (0.0, 0.0)
    return {"sdd": found["sdd_mm"] or 0.0, "rowSpacing": row, "columnSpacing": column,
            "rows": session.p.rows, "cols": session.p.cols}
