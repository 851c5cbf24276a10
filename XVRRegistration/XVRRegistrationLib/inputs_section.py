"""Panel, 1: the volume, the X-ray, the segmentation and the network."""

import pathlib

from slicer.i18n import tr as _

from XVRCommonLib.drop_area import DropArea
from XVRCommonLib.enabling import enable
from XVRCommonLib.network_chooser import NetworkChooser, templateInWords
from XVRCommonLib.volumes import MODALITIES

FILE_ROW = 3
"""Of the section's form: the line of the X-ray's file."""


class InputsSection:
    def __init__(self, ui, panel):
        self.ui, self.panel, self._file = ui, panel, pathlib.Path()
        self.dropArea = DropArea(self.useFile)
        ui.inputsSection.layout().insertRow(FILE_ROW + 1, self.dropArea)
        ui.xraySelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onNode)
        ui.xrayPath.connect("currentPathChanged(QString)", self._onPath)
        ui.modalityCombo.connect("currentIndexChanged(int)", self._onModality)
        self.networkChooser = NetworkChooser(ui.networkCombo, ui.networkFileButton, _("None"), self.useNetwork)

    def useFile(self, path):
        """Take an X-ray from a file."""
        self.ui.xrayPath.currentPath = str(path)

    def useNetwork(self, path):
        """Take a network's file; a template transform was stated for the one before."""
        p = self.panel.parameters
        if path != p.network:
            p.templateTransform = None
        p.network = path

    def _onPath(self, path):
        p = self.panel.parameters
        self.panel.updateSoon()
        if p is None or pathlib.Path(path) == p.xrayFile or not pathlib.Path(path).is_file():
            return
        self._forgetEdits(p)
        p.xraySource = None
        p.xrayFile = pathlib.Path(path)
        self.ui.xrayPath.addCurrentPathToHistory()

    def _onNode(self, node):
        p = self.panel.parameters
        if p is None or node is None or str(p.xrayFile) == ".":
            return
        p.xrayFile = pathlib.Path()
        self.ui.xrayPath.currentPath = ""

    def _forgetEdits(self, p):
        p.edits, p.frame = "{}", 0

    def _onModality(self, index):
        if self.panel.parameters is not None:
            self.panel.parameters.modality = list(MODALITIES)[index]

    def update(self, session):
        p = session.p
        self.networkChooser.show(p.network)
        enable(self.ui.templateSelector, "" if p.network.name else _("Choose a network first."))
        index = list(MODALITIES).index(p.modality)
        if self.ui.modalityCombo.currentIndex != index:
            self.ui.modalityCombo.currentIndex = index
        if p.xrayFile != self._file:  # else what is being typed stays
            self._file = p.xrayFile
            self.ui.xrayPath.currentPath = "" if str(p.xrayFile) == "." else str(p.xrayFile)
        said = self._words(session), templateInWords(p.network, p.templateTransform)
        self.ui.inputsStatus.text = "\n".join(filter(None, said))

    def _words(self, session):
        typed = self.ui.xrayPath.currentPath
        if typed and pathlib.Path(typed) != session.p.xrayFile:
            return _("There is no file {path}.").format(path=typed)
        if session.p.ct is None:
            return _("Choose a CT or MR volume.")
        if session.p.xraySource is None and str(session.p.xrayFile) == "." and session.xray.intrinsics() is None:
            return _("Choose an X-ray of the scene, or a file.")
        intrinsics = session.xray.intrinsics()
        if intrinsics is None:
            return session.problem or _("The X-ray is shown as soon as its geometry is complete.")
        return _("{ct} and an X-ray of {cols} x {rows} pixels.").format(
            ct=session.p.ct.GetName(), cols=intrinsics.cols, rows=intrinsics.rows)
