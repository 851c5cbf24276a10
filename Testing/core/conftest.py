"""Fixtures that many tests share."""

import os
import secrets
import zlib
from pathlib import Path

import numpy as np
import pytest

from xvrcore.threads import prepare_threads

prepare_threads()


PRACTICE_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Beside the checkout; developers have it, whoever clones only the repository has not."""


def pytest_report_header() -> str:
    found = "found" if PRACTICE_DATA.is_dir() else "MISSING, the tests that need it are deselected"
    return f"practice data: {PRACTICE_DATA} {found}"


def pytest_collection_modifyitems(config, items) -> None:
    """Without the practice data the tests that need it are deselected, and counted as such."""
    if not PRACTICE_DATA.is_dir():
        needing = [item for item in items if "shared_data" in item.fixturenames]
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The practice data beside the checkout (``../shared/data``)."""
    return PRACTICE_DATA


@pytest.fixture(scope="module")
def ct(tmp_path_factory) -> Path:
    """The imaginary patient's CT on disk; ``labels.nii.gz`` beside it."""
    from cli_files import write_patient
    return write_patient(tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="module")
def patient(ct):
    """The same, ready for rendering on the CPU."""
    from training_scene import patient_at
    return patient_at(ct)


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory) -> Path:
    """A folder with the imaginary patient's CT and labels, and an X-ray with its truth."""
    from cli_files import patient_and_xray
    return patient_and_xray(tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="module")
def registered(on_disk, tmp_path_factory) -> Path:
    """The folder into which the command line registered that X-ray."""
    from cli_files import registered_in
    return registered_in(tmp_path_factory.mktemp("registered") / "out", on_disk)


@pytest.fixture
def one_thread():
    """What is to come out the same to the last bit is computed by one of torch's threads."""
    yield from torch_threads(1)


@pytest.fixture
def two_threads():
    """More of torch's threads than the smallest machine has cores would wait for each other."""
    yield from torch_threads(2)


@pytest.fixture
def little_patience(monkeypatch):
    """Finished networks are compared with searches that end soon: that they are is tested, not what comes out."""
    monkeypatch.setattr("xvrcore.training.verdict.PATIENCE_S", 0.5)


def torch_threads(count: int):
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng(request) -> np.random.Generator:
    """Fresh random numbers in every run and test; a failure shows the seed, XVR_TEST_SEED brings it back."""
    seed = int(os.environ.get("XVR_TEST_SEED", secrets.randbits(32)))
    print(f"XVR_TEST_SEED={seed}")
    return np.random.default_rng([seed, zlib.crc32(request.node.nodeid.encode())])
