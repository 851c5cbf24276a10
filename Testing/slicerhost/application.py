"""`slicer.app`: a QApplication with the scene, the modules, the layout and the settings."""

import logging
import os
import shutil
import sys
import tempfile
import types

import qt
import slicer
import slicer.util
from PySide6 import QtCore, QtWidgets

from . import dicom, i18n, modules, packaging, parameter_node, sample_data, scripted_module, tracking, widgets
from .pythonqt.dialogs import Shown, dialogs
from .scene import SceneSetup
from .storage import CoreIOManager
from .subject_hierarchy import SubjectHierarchy

PYTHON_MODULES = {
    "i18n": i18n,
    "packaging": packaging,
    "ScriptedLoadableModule": scripted_module,
    "parameterNodeWrapper": parameter_node,
}


class SlicerApplication(QtWidgets.QApplication):
    """The application object. Nothing the host saves outlives `close()`."""

    startupCompleted = QtCore.Signal()
    applicationName, applicationVersion = "Slicer", "5.13.0"
    majorVersion, minorVersion, revision = 5, 13, "host"
    temporaryPath = ""

    def __init__(self):
        super().__init__(["Slicer"])
        self._testing = False
        self.temporaryPath = tempfile.mkdtemp(prefix="slicerhost-")
        self._set_up_settings()
        slicer.app = self
        _install_python_modules()
        tracking.install()
        widgets.install()
        slicer.qSlicerScriptedLoadableModule = modules.qSlicerScriptedLoadableModule
        self._setup = SceneSetup(self.temporaryPath)
        self._hierarchy, self._io = SubjectHierarchy(self._setup.scene), CoreIOManager()
        self._modules = modules.ModuleManager(self._setup.logics)
        slicer.dicomDatabase = dicom.DICOMDatabase()
        sample_data.install()
        slicer.util.delayDisplay = _delay_display
        self._make_window()

    def _set_up_settings(self):
        QtCore.QCoreApplication.setOrganizationName("SlicerHost")
        QtCore.QCoreApplication.setApplicationName("Slicer")
        ini = QtCore.QSettings.IniFormat
        QtCore.QSettings.setDefaultFormat(ini)
        QtCore.QSettings.setPath(ini, QtCore.QSettings.UserScope, self.temporaryPath)
        QtCore.QLocale.setDefault(QtCore.QLocale.c())

    def _make_window(self):
        from .main_window import MainWindow
        from .views.layout_manager import LayoutManager
        from .views.plot_view import install_plot_widgets
        from .views.table_view import install_table_widgets

        install_plot_widgets()
        install_table_widgets()
        self._window = MainWindow()
        self._window.show()
        self._layout_manager = LayoutManager(self._window.viewport())
        self.processEvents()

    # what Slicer's own application offers

    def applicationLogic(self):
        return self._setup.application_logic

    def mrmlScene(self):
        return self._setup.scene

    def layoutManager(self):
        return self._layout_manager

    def moduleManager(self):
        return self._modules

    def coreIOManager(self):
        return self._io

    ioManager = coreIOManager

    def testingEnabled(self):
        """False, as for a user: message boxes are modal, so the host wants each to be expected."""
        return self._testing

    def pauseRender(self):
        self.applicationLogic().PauseRender()

    def resumeRender(self):
        self.applicationLogic().ResumeRender()

    def settings(self):
        return qt.QSettings()

    userSettings = revisionUserSettings = settings

    def commandOptions(self):
        return types.SimpleNamespace(noMainWindow=False, testingEnabled=self._testing)

    def startupEnvironment(self):
        environment = dict(os.environ)
        return types.SimpleNamespace(keys=lambda: list(environment), value=lambda key: environment[key])

    def extensionsManagerModel(self):
        return packaging.extensions

    def translate(self, _context, text, *_):
        return text

    def restart(self):
        raise RuntimeError("a module asked for a restart")

    # for tests

    def load_module(self, path):
        """Load a scripted module and complete the start-up, when modules register their sample data."""
        module = self._modules.load(path)
        self.startupCompleted.emit()
        self.disconnect("startupCompleted()")  # an application starts once: nobody hears of the next module's start
        return module

    def close(self):
        """Unload the modules, close views and window, delete the temporary folder."""
        self._window.moduleSelector().leave()
        for module in self._modules.scripted_modules():
            self._modules.unload(module.name)
        self._layout_manager.close()
        self._window.close()
        self.processEvents()
        shutil.rmtree(self.temporaryPath, ignore_errors=True)


def _install_python_modules():
    for name, module in PYTHON_MODULES.items():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)


def _delay_display(message, autoCloseMsec=1000, parent=None, **_):
    """slicer.util.delayDisplay without the waiting."""
    logging.info(message)
    dialogs.shown.append(Shown("popup", message))
    slicer.app.processEvents()
