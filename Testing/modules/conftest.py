import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE)]

from registration_scene import MODULE, add_volume, patient, write_xray  # noqa: E402
from slicerhost.fixtures import *  # noqa: E402, F403 - fixtures are found by name


@pytest.fixture(scope="session")
def xray(tmp_path_factory):
    """(DICOM file, true camera) of a simulated X-ray."""
    path = tmp_path_factory.mktemp("xrays") / "shot.dcm"
    return path, write_xray(path)


@pytest.fixture
def ct(host):
    return add_volume(patient())


@pytest.fixture
def panel(open_module):
    """The Python widget of XVRRegistration, shown."""
    return open_module(MODULE)
