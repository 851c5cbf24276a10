"""Panel, on first use: what is missing, and installing it."""

from slicer.i18n import tr as _

from . import packages


class InstallSection:
    """``requirements`` are those of the panel's module; ``check()`` tries them out, in the worker's thread.

    ``onReady()`` is called after installing (default: the panel begins anew).
    """

    def __init__(self, ui, panel, requirements, check, onReady=None):
        self.ui, self.panel, self.requirements, self.check = ui, panel, requirements, check
        self.onReady = onReady or panel.initialize
        self.ready = False
        ui.installButton.connect("clicked()", self._onInstall)
        self.update()

    def _onInstall(self):
        try:
            packages.install(self.requirements, self.panel.moduleName)
        except RuntimeError as error:
            self.ui.installLabel.text = str(error)
            return
        self.panel.worker.request("check", self.check, self._onChecked)

    def _onChecked(self, words, error):
        self.update()
        self.panel.say(str(error) if error is not None else words)
        self.onReady()

    def update(self):
        """Look what is missing; ``ready`` tells that nothing is."""
        missing = packages.missingPackages(self.requirements)
        self.ready = not missing
        self.ui.installSection.visible = bool(missing)
        words = [_("Computing needs {packages}. Installing asks first, then adds this to Slicer's own Python from the "
                   "Python Package Index, and leaves NumPy, SimpleITK and VTK as they are.").format(
            packages=", ".join(missing))]
        if packages.TORCH in missing:
            words.append(_("torch comes through the PyTorch extension, which finds the build that fits this computer."))
        self.ui.installLabel.text = " ".join(words)
