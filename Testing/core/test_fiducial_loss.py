"""The loss of the CPU's profile: the mTRE, and more for poses that are far off."""

import torch
from scipy.spatial.transform import Rotation

from xvrcore.training.examples import Batch
from xvrcore.training.losses import FiducialLoss

COUNT = 5


def test_it_is_the_mean_distance_of_the_points_and_costs_more_for_one_far_pose_than_for_two_half_as_far(rng):
    points = torch.tensor(rng.normal(size=(64, 3)) * 80, dtype=torch.float32)
    rotations = torch.tensor(Rotation.random(COUNT, rng).as_matrix(), dtype=torch.float32)
    shifts = torch.tensor(rng.normal(size=(COUNT, 3)) * 50, dtype=torch.float32)
    batch = Batch(torch.zeros(COUNT, 1, 2, 2), rotations, shifts, torch.ones(COUNT))
    loss = FiducialLoss(points)
    along = torch.tensor([0.0, 0.0, 1.0])
    at_truth, near, far = (loss(batch, (rotations, shifts + mm * along)) for mm in (0.0, 6.0, 12.0))
    assert at_truth["loss"].max() < 0.1             # single precision of points some 100 mm away
    assert torch.allclose(near["mtre_mm"], torch.full((COUNT,), 6.0), atol=0.1)
    assert (far["loss"] > 2.1 * near["loss"]).all()
