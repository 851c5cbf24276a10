"""Learning from slices of a batch on threads of their own: the gradients of the whole batch, however many threads."""

import numpy as np
import pytest
import torch
from conftest import torch_threads
from scipy.spatial.transform import Rotation

from xvrcore.networks.poses import understood
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.training.examples import Batch
from xvrcore.training.losses import FiducialLoss
from xvrcore.training.slices import SLICE, SlicedGradients

COUNT = 2 * SLICE + 5


@pytest.fixture
def lesson(rng):
    """A network, a batch that slices do not divide evenly, its weights, and the terms of the loss."""
    torch.manual_seed(int(rng.integers(1 << 30)))
    network = PoseNetwork(NetworkDesign("small", 2, 64, "rotation_6d", 50.0))
    batch = Batch(torch.randn(COUNT, 2, 64, 64), torch.tensor(Rotation.random(COUNT, rng).as_matrix()).float(),
                  torch.randn(COUNT, 3), torch.ones(COUNT))
    loss = FiducialLoss(50 * torch.randn(64, 3))

    def terms(part, weights):
        found = loss(part, understood(network.design, *network(part.inputs)))
        total = (found["loss"] * weights).sum()
        return total, {"loss": total.detach(), "mtre_mm": (found["mtre_mm"] * weights).sum().detach()}
    return network, batch, torch.tensor(rng.uniform(0, 1, COUNT), dtype=torch.float32) / COUNT, terms


def gradients(network) -> np.ndarray:
    return torch.cat([one.grad.flatten() for one in network.parameters()]).numpy()


def learned(lesson, threads: int) -> tuple[np.ndarray, dict]:
    network, batch, weights, terms = lesson
    with_threads = torch_threads(threads)
    next(with_threads)
    network.zero_grad(set_to_none=True)
    figures = SlicedGradients(network, terms).add(batch, weights)
    next(with_threads, None)
    return gradients(network), figures


def test_slices_add_up_to_the_whole_batch(lesson):
    network, batch, weights, terms = lesson
    total, whole = terms(batch, weights)
    network.zero_grad(set_to_none=True)
    total.backward()
    expected = gradients(network)
    found, figures = learned(lesson, 2)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert {name: float(value) for name, value in figures.items()} == pytest.approx(
        {name: float(value) for name, value in whole.items()}, rel=1e-4)


def test_the_number_of_threads_changes_no_bit(lesson):
    (one, _), (three, _) = learned(lesson, 1), learned(lesson, 3)
    np.testing.assert_array_equal(one, three)


def test_what_fails_on_a_thread_is_raised(lesson):
    network, batch, weights, _ = lesson

    def exhausted(part, of_weights):
        raise MemoryError
    with pytest.raises(MemoryError):
        SlicedGradients(network, exhausted).add(batch, weights)
