"""Choosing a network: those trained here first, then files that were chosen before, or another file."""

import pathlib

import qt
from slicer.i18n import tr as _

from xvrcore.training.files import NETWORK

from . import settings
from .job_list import recentNetworks

FILES_KEY = "XVR/networkFiles"
MOST_FILES = 10
NETWORK_FILES = "Networks (*.safetensors *.pth)"


class NetworkChooser:
    """A combo box and a button for another file; ``onChoose(path)`` is called with what the user chooses.

    ``none`` is the text for no network, whose path is empty.
    """

    def __init__(self, combo, button, none, onChoose):
        self.combo, self.none, self.onChoose = combo, none, onChoose
        combo.connect("activated(int)", self._onActivated)
        button.connect("clicked()", self._onButton)

    def show(self, chosen):
        """Show the chosen one."""
        if self.combo.currentData != str(chosen):
            self.offer(chosen)

    def offer(self, chosen):
        """List the networks that are there now, and the chosen one even if it is gone."""
        self.combo.clear()
        for path in dict.fromkeys((pathlib.Path(), *_networks(), chosen)):
            self.combo.addItem(networkName(path) if path.name else self.none, str(path))
            self.combo.setItemData(self.combo.count - 1, str(path), qt.Qt.ToolTipRole)
        self.combo.currentIndex = self.combo.findData(str(chosen))

    def _onActivated(self, index):
        self.onChoose(pathlib.Path(self.combo.itemData(index)))

    def _onButton(self):
        chosen = qt.QFileDialog.getOpenFileName(self.combo, _("Choose a network"), "", NETWORK_FILES)
        if chosen:
            _remember(pathlib.Path(chosen))
            self.onChoose(pathlib.Path(chosen))


def networkName(path):
    """A network is known by its job's folder, a file from elsewhere by its own name."""
    return path.parent.name if path.name == NETWORK else path.name


def templateInWords(network, template):
    """Said beside a network (a path) that is used by a template transform (a node); empty where either is missing."""
    if not network.name or template is None:
        return ""
    return _("The volume is brought onto the network's by the transform {name}, chosen under Advanced.").format(
        name=template.GetName())


def _networks():
    """Paths of files that are there, each once."""
    return [path for path in dict.fromkeys((*recentNetworks(), *_files())) if path.is_file()]


def _remember(path):
    """Offer a file from elsewhere next time too."""
    paths = dict.fromkeys((str(path), *map(str, _files())))
    settings.save(FILES_KEY, list(paths)[:MOST_FILES])


def _files():
    return [pathlib.Path(one) for one in settings.load(FILES_KEY, [])]
