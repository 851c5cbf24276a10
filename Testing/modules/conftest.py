import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = map(str, (ROOT, ROOT / "XVRFinetune", HERE.parent, HERE, HERE.parent / "core"))

from finetune_steps import MODULE as FINETUNE  # noqa: E402
from finetune_steps import SMALL, type_detector  # noqa: E402
from registration_scene import MODULE, add_volume, patient, write_xray  # noqa: E402
from slicerhost import testing as user  # noqa: E402
from slicerhost.fixtures import *  # noqa: E402, F403 - fixtures are found by name


@pytest.fixture(scope="session")
def xray(tmp_path_factory):
    """(DICOM file, true camera) of a simulated X-ray."""
    path = tmp_path_factory.mktemp("xrays") / "shot.dcm"
    return path, write_xray(path)


@pytest.fixture
def picture(tmp_path, xray):
    """The X-ray as a PNG, which knows no geometry."""
    import pydicom

    pixels = pydicom.dcmread(xray[0]).pixel_array
    path = tmp_path / "shot.png"
    Image.fromarray((255.0 * pixels / pixels.max()).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def ct(host):
    return add_volume(patient())


@pytest.fixture
def panel(open_module):
    """The Python widget of XVRRegistration, shown."""
    return open_module(MODULE)


@pytest.fixture
def jobs_root(host, tmp_path):
    """Where jobs go; whatever still runs there afterwards is ended."""
    from XVRCommonLib import job_list
    from xvrcore.jobs import stop

    root = tmp_path / "jobs"
    job_list.setRootFolder(root)
    yield root
    for config in root.glob("*/config.json"):
        stop(config.parent, patience_s=1.0)


@pytest.fixture
def trainer(open_module, jobs_root):
    """The Python widget of XVRFinetune, shown; the worker's Python is known to have no GPU."""
    from XVRFinetuneLib.worker_python import rememberGpus

    rememberGpus([])
    return open_module(FINETUNE)


@pytest.fixture
def small_jobs(trainer, monkeypatch):
    """Jobs that are started train small batches and are judged on few X-rays."""
    from XVRFinetuneLib import job_start

    words = job_start.finetuneWords
    monkeypatch.setattr(job_start, "finetuneWords", lambda *choices: [*words(*choices), *SMALL])


@pytest.fixture
def primed(trainer, ct):
    """The panel with a CT and a typed detector."""
    user.select_node(trainer.ui.ctSelector, ct)
    type_detector(trainer)
    return trainer
