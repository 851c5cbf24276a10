"""Fixtures that many tests share."""

import os
import secrets
from pathlib import Path

import numpy as np
import pytest

from xvrcore.threads import prepare_threads

prepare_threads()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The practice data beside the checkout (``../shared/data``); tests that need it fail without it."""
    path = Path(__file__).resolve().parents[3] / "shared" / "data"
    assert path.is_dir(), f"{path} is missing: these tests need the practice data beside the checkout"
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    """Fresh random numbers in every run; a failure shows the seed, XVR_TEST_SEED brings it back."""
    seed = int(os.environ.get("XVR_TEST_SEED", secrets.randbits(32)))
    print(f"XVR_TEST_SEED={seed}")
    return np.random.default_rng(seed)
