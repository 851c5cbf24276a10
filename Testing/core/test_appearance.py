"""Laws of looks: whatever an X-ray is made to look like, it shows the same patient at the same place."""

import numpy as np
import torch
from cli_files import write_patient
from training_scene import EXAMPLE, RANGE, patient_at

from xvrcore.networks.inputs import network_intrinsics
from xvrcore.training.appearance import Appearance, seen
from xvrcore.training.clahe import clahe
from xvrcore.training.examples import Examples


def test_looks_keep_the_anatomys_place_and_leave_the_field_blank(rng):
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 31)))
    bump = torch.exp(-((torch.arange(64) - 40.0)[:, None] ** 2 + (torch.arange(64) - 24.0)[None] ** 2) / 60)
    images = 2 + 2 * bump.expand(200, 1, 64, 64)   # a bone in a body: scatter of a lone one outshines it
    wanted = Appearance(collimated=0.5, erased=(0.0, 1e-6), instruments=0)
    looks, masks = seen(images, torch.ones_like(images), wanted, generator)
    assert torch.isfinite(looks).all()
    assert (looks[masks == 0] == 0).all()
    shown = (masks * bump).sum((1, 2, 3)) > 0.95 * bump.sum()
    correlations = [np.corrcoef(looks[i, 0][masks[i, 0] > 0], bump[masks[i, 0] > 0])[0, 1]
                    for i in torch.nonzero(shown).flatten().tolist()]
    assert np.median(correlations) > 0.7
    assert np.quantile(correlations, 0.1) > 0.2


def test_clahe_raises_contrast_no_more_than_its_limit_and_keeps_order(rng):
    ramp = torch.linspace(0.4, 0.6, 64).expand(1, 1, 64, 64)
    noise = torch.tensor(rng.uniform(-0.03, 0.03, (1, 1, 64, 64)), dtype=torch.float32)
    images = (ramp + noise).expand(3, 1, 64, 64)
    limits = torch.tensor([1.0, 2.0, 1e6]).reshape(3, 1, 1, 1)
    found = clahe(images, limits)
    assert found.min() >= 0
    assert found.max() <= 1
    steps = (found[..., 1:, :] - found[..., :-1, :]), (images[..., 1:, :] - images[..., :-1, :])
    assert (steps[0] * steps[1] > -1e-3).float().mean() > 0.99
    spread = found.flatten(1).std(1) / images.flatten(1).std(1)
    assert (spread[:2] <= limits[:2].flatten() + 1).all()
    assert spread[0] < spread[1] < spread[2]


def test_clahe_without_a_limit_makes_every_gray_as_frequent_as_any_other(rng):
    image = torch.tensor(rng.uniform(0.4, 0.6, (1, 1, 64, 64)) ** 2, dtype=torch.float32)
    found = clahe(image, torch.full((1, 1, 1, 1), 1e6)).flatten()
    np.testing.assert_allclose(torch.quantile(found, torch.tensor([0.25, 0.5, 0.75])), [0.25, 0.5, 0.75], atol=0.05)


def test_a_detector_is_off_its_place_by_up_to_what_is_stated_and_shows_the_patient_moved_by_as_much(tmp_path, rng):
    patient = patient_at(write_patient(tmp_path))
    poses = RANGE.sample(3, patient.center_ras, rng)
    looks = Appearance(principal_point_mm=12.0, sdd_share=0.01)
    examples = Examples(patient, RANGE, network_intrinsics(EXAMPLE, 64), looks, 2)
    drawn = np.abs([examples._detector_off_mm(rng) for _ in range(300)]).max(axis=0) / [12.0, 12.0, 10.0]
    assert (drawn <= 1).all()
    assert (drawn > 0.9).all()
    straight, off = (examples._integrals(patient.full, poses, examples._targets + by) for by in (0, [-12.0, 0, 0]))
    np.testing.assert_allclose(off[..., 2:], straight[..., :-2], atol=1e-5)   # pixels of 6 mm
