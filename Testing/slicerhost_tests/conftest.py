import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from slicerhost.fixtures import *  # noqa: F403 - fixtures are found by name

HERE = Path(__file__).parent


@pytest.fixture
def probe(open_module):
    """The Python widget of the probe module, shown."""
    return open_module(HERE / "HostProbe" / "HostProbe.py")


@pytest.fixture
def ct(host):
    """A small volume with a gradient."""
    import numpy as np
    import slicer

    return slicer.util.addVolumeFromArray(np.arange(24000, dtype=np.float32).reshape(20, 30, 40), name="CT")
