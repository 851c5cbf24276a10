"""Fixtures that many tests share."""

import os
import secrets
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


@pytest.fixture
def rng() -> np.random.Generator:
    """Fresh random numbers in every run; a failure shows the seed, XVR_TEST_SEED brings it back."""
    seed = int(os.environ.get("XVR_TEST_SEED", secrets.randbits(32)))
    print(f"XVR_TEST_SEED={seed}")
    return np.random.default_rng(seed)
