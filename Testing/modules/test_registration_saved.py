"""A saved scene opens elsewhere as it was left: what ``make demo`` writes, in a fresh application."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from make_demo import WINDOW, opened_panel, register_sample, show_colors_and_slices
from panel_steps import choose_inputs, register, settle
from PIL import Image
from registration_scene import write_xray
from reopened_scene import seen
from slicerhost import testing as user

HERE = Path(__file__).parent
SAME_GRAY = 2.0
"""Mean difference of two pictures of one view, of 255."""


def test_the_demos_scene_opens_in_a_fresh_application(host, tmp_path):
    import slicer

    size = slicer.util.mainWindow().size
    slicer.util.mainWindow().resize(*WINDOW)
    panel = opened_panel(host)
    from XVRRegistrationLib.history import COMMENT
    from XVRRegistrationLib.sample_data import PHANTOM

    register_sample(panel, PHANTOM)
    show_colors_and_slices(panel)
    panel.ui.historyTable.item(0, COMMENT).setText('the "best", so far')
    settle(panel)
    left = seen(panel)
    assert left["cut off in 3D"] == 0
    view = host.layoutManager().sliceWidget("XRay").sliceView()
    view.forceRender()
    picture = view.image().astype(int)
    user.save_window(tmp_path / "left.png")
    assert slicer.util.saveScene(str(tmp_path / "demo.mrb"))
    slicer.util.mainWindow().resize(size)
    done = subprocess.run([sys.executable, str(HERE / "reopened_scene.py"), str(tmp_path / "demo.mrb"), str(tmp_path)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    opened = json.loads((tmp_path / "seen.json").read_text())
    assert {name: (one, opened["widgets"][name]) for name, one in left["widgets"].items()
            if one != opened["widgets"][name]} == {}
    assert opened == left
    reopened = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    assert reopened.shape == picture.shape
    assert np.abs(reopened - picture).mean() < SAME_GRAY


def test_the_frames_of_a_saved_sequence_keep_their_poses(panel, ct, tmp_path, host):
    import slicer

    write_xray(tmp_path / "film.dcm", frames=3)
    choose_inputs(panel, ct, tmp_path / "film.dcm")
    places = []
    for frame in range(3):
        show_frame(panel, frame)
        moved = panel.session.xray.rasFromCamera()
        moved[0, 3] += 10 * frame
        panel.session.carm.moveByHand(moved)
        settle(panel)
        places.append(moved)
    show_frame(panel, 1)
    register(panel)
    places[1] = panel.session.xray.rasFromCamera()
    words = panel.ui.sequenceStatus.text
    assert slicer.util.saveScene(str(tmp_path / "film.mrb"))
    slicer.mrmlScene.Clear()
    host.processEvents()
    slicer.util.loadScene(str(tmp_path / "film.mrb"))
    settle(panel)
    assert panel.ui.sequenceSection.visible
    assert panel.ui.sequenceStatus.text == words
    assert panel.ui.verdictLabel.text.startswith("Registered")
    for frame in (1, 0, 2):
        show_frame(panel, frame)
        assert np.allclose(panel.session.xray.rasFromCamera(), places[frame], atol=1e-6)
    assert panel.ui.verdictLabel.text == "Not registered yet."


def show_frame(panel, frame):
    user.type_text(panel.ui.frameBox, str(frame))
    settle(panel)
