"""Laws of training with a second rendering: it draws what the ray caster draws, its losses lead to the truth, and no
step waits for the device. Here the device is the CPU; nothing in the code asks which it is."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from nanodrr.metrics import DoubleGeodesicSE3
from scipy.spatial.transform import Rotation
from torch.utils._python_dispatch import TorchDispatchMode
from training_scene import EXAMPLE, RANGE, weights_of

from xvrcore.errors import InputError
from xvrcore.networks.frames import AgnosticFrame, XvrFrame
from xvrcore.networks.inputs import network_intrinsics
from xvrcore.segments import match_grid, read_segmentation
from xvrcore.training.finetune import Task, make_trainer
from xvrcore.training.losses import ImageLoss, double_geodesic, rotation_angles
from xvrcore.training.settings import PROFILES, chosen_profile, settings_from_dict
from xvrcore.training.subject import Subject

SMALL = replace(PROFILES["gpu"], device="cpu", size=32, batch=6, iterations=40, warmup=5, learning_rate=1e-3)
DRR = {"sdd": 1000.0, "height": 32, "width": 32, "delx": 12.0, "dely": 12.0, "x0": 0.0, "y0": 0.0,
       "orientation": "PA", "reverse_x_axis": True}
SEEN = network_intrinsics(EXAMPLE, 32)
IN_PLACE = torch.zeros(3)
"""A detector that is where it is said to be."""
LOSS = ImageLoss(1000.0, 0.01, 1.0, 0.01)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def task(ct, patient) -> Task:
    segmentation = match_grid(read_segmentation(ct.with_name("labels.nii.gz")), patient.source)
    return Task(patient, RANGE, EXAMPLE, SMALL, segmentation=segmentation)


def subject_of(task: Task, relative) -> Subject:
    return Subject(task.patient, task.segmentation, relative, SEEN, 1.0, "cpu")


def placed(*parts):
    return [torch.tensor(part, dtype=torch.float32) for part in parts]


@pytest.mark.parametrize("frame", [AgnosticFrame(RANGE), XvrFrame(DRR)], ids=["ours", "xvr's"])
@pytest.mark.parametrize("moved", [False, True])
def test_a_subject_is_drawn_as_the_ray_caster_draws_it(frame, moved, task, rng):
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = Rotation.random(random_state=rng).as_matrix(), rng.uniform(-50, 50, 3)
    relative = frame.poses(task.patient.source, motion if moved else None)
    poses, off = RANGE.sample(3, task.patient.center_ras, rng), rng.uniform(-20, 20, 3)
    drawn = subject_of(task, relative).integrals(*placed(*relative.encoded(poses), off))
    targets = SEEN.pixel_grid().reshape(-1, 3) + off
    cast = task.patient.full.projector.integrals(poses, targets).values.reshape(3, 1, 32, 32)
    assert np.abs(drawn.numpy() - cast).max() < 0.05 * cast.max()
    assert np.corrcoef(drawn.numpy().ravel(), cast.ravel())[0, 1] > 0.999


def test_gradients_of_a_rendering_are_its_differences(task, rng):
    subject = subject_of(task, AgnosticFrame(RANGE).poses(task.patient.source))
    rotations, shifts = placed(Rotation.random(1, random_state=rng).as_matrix(), rng.normal(0, 5, (1, 3)))
    weights = torch.linspace(-1, 1, 32)[:, None] * torch.linspace(1, 2, 32)
    for draw in (lambda s: subject.integrals(rotations, s, IN_PLACE),
                 lambda s: subject.silhouettes(rotations, s, IN_PLACE, [0])):
        shifts.requires_grad_(True)
        gradient, = torch.autograd.grad((draw(shifts) * weights).sum(), shifts)
        step = torch.tensor([[0.0, 0.05, 0.0]])      # mm, so small that few rays pass from voxel to voxel
        with torch.no_grad():
            difference = ((draw(shifts + step) - draw(shifts - step)) * weights).sum() / (2 * step.sum())
        assert float(gradient[0, 1]) == pytest.approx(float(difference), abs=0.1 * float(gradient.norm()))


def test_many_passes_draw_and_lead_as_one_does(task, rng):
    subject = subject_of(task, AgnosticFrame(RANGE).poses(task.patient.source))
    rotations, shifts = placed(Rotation.random(2, random_state=rng).as_matrix(), rng.normal(0, 5, (2, 3)))
    found = []
    for samples in (10**9, 20_000):
        subject._full.projector.samples_per_pass = samples
        moving = shifts.clone().requires_grad_(True)
        images = subject.integrals(rotations, moving, IN_PLACE)
        found.append((images.detach(), *torch.autograd.grad(images.square().sum(), moving)))
    for one, many in zip(*found, strict=True):
        torch.testing.assert_close(one, many, rtol=1e-4, atol=1e-4)


def test_the_loss_is_least_at_the_truth_and_falls_towards_it(task, rng):
    batch = make_trainer(task).examples.draw(4, (int(rng.integers(1 << 31)), 0, 0))
    truth = (batch.rotations, batch.shifts)
    best = LOSS(batch, truth)
    assert float(best["geodesic_mm"].max()) < 0.1
    assert float(best["dice"].min()) > 0.99
    off = torch.tensor(Rotation.from_rotvec(rng.normal(0, 0.05, (4, 3))).as_matrix(), dtype=torch.float32)
    shifts = (batch.shifts + 10 * torch.randn(4, 3)).requires_grad_(True)
    worse = LOSS(batch, (off @ batch.rotations, shifts))["loss"]
    assert (worse > best["loss"]).all()
    downhill, = torch.autograd.grad(worse.sum(), shifts)
    assert float((downhill * (shifts.detach() - batch.shifts)).sum()) > 0


def test_distances_of_poses_are_those_of_the_reference_and_smooth_where_they_agree(rng):
    first, second = ((torch.tensor(Rotation.random(20, random_state=rng).as_matrix()),
                      torch.tensor(rng.normal(0, 100, (20, 3)))) for _ in range(2))
    reference = DoubleGeodesicSE3(1000.0)(_of_camera(*first), _of_camera(*second))[2]
    torch.testing.assert_close(double_geodesic(first, second, 1000.0), reference, rtol=1e-3, atol=0.1)
    same = first[0].clone().requires_grad_(True)
    gradient, = torch.autograd.grad(rotation_angles(same, first[0]).sum(), same)
    assert torch.isfinite(gradient).all()


def _of_camera(rotations, shifts):
    """The camera's motions (B, 4, 4) against the patient, along its own axes."""
    matrices = torch.eye(4, dtype=torch.float64).repeat(len(rotations), 1, 1)
    matrices[:, :3, :3], matrices[:, :3, 3] = rotations.mT, (rotations.mT @ shifts[..., None])[..., 0]
    return matrices


def test_consistency_does_not_mind_a_mistake_that_all_views_share(task, rng):
    batch = make_trainer(task).examples.draw(4, (int(rng.integers(1 << 31)), 0, 0))
    shared = torch.tensor(Rotation.random(random_state=rng).as_matrix(), dtype=torch.float32)
    wrong = (batch.rotations @ shared, batch.shifts)
    assert float(LOSS(batch, wrong)["consistency_mm"].max()) < 1.0
    assert float(LOSS(batch, (shared @ batch.rotations, batch.shifts))["consistency_mm"].max()) > 10.0


def test_training_with_a_second_rendering_lowers_its_loss(task):
    trainer, losses = make_trainer(task), []
    while trainer.fraction < 1:
        trainer.step()
        losses.append(trainer.figures()["loss"])
    assert np.mean(losses[-8:]) < 0.85 * np.mean(losses[:4])


def test_it_too_ends_at_the_same_weights_when_broken_off(task, tmp_path):
    brief = replace(task, settings=replace(SMALL, iterations=4))
    whole, broken, resumed = (make_trainer(brief) for _ in range(3))
    broken.step()
    broken.save(tmp_path / "state.pt", {})
    resumed.load(tmp_path / "state.pt")
    for trainer in (whole, resumed):
        while trainer.fraction < 1:
            trainer.step()
    np.testing.assert_array_equal(weights_of(resumed), weights_of(whole))


class NoWaiting(TorchDispatchMode):
    """Refuses every operation for whose answer the host waits."""

    WAITING = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "unique")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket.__name__ not in self.WAITING, func
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_device(task):
    trainer = make_trainer(task)
    trainer.step()              # what is made once may wait
    trainer.optimizers = []     # on a CPU Adam reads its own count of steps, which lies there on any device
    with NoWaiting():
        trainer.step()
        with pytest.raises(AssertionError, match="_local_scalar_dense"):
            trainer.figures()


@pytest.mark.parametrize(("there", "asked", "found"), [
    ("cpu", ("auto", "auto"), ("cpu", "cpu")), ("cuda", ("auto", "auto"), ("gpu", "cuda")),
    ("cuda", ("cpu", "auto"), ("cpu", "cpu")), ("cuda", ("auto", "cpu"), ("cpu", "cpu")),
    ("cpu", ("gpu", "auto"), ("gpu", "cpu")), ("mps", ("auto", "auto"), ("cpu", "cpu")),
    ("mps", ("gpu", "auto"), ("gpu", "mps")), ("mps", ("auto", "mps"), ("gpu", "mps"))])
def test_the_profile_follows_the_device(there, asked, found, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there == "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there == "mps")
    settings = chosen_profile(*asked)
    assert (settings.profile, settings.device) == found
    assert settings_from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize(("asked", "said"), [(("quick", "auto"), "no profile"), (("gpu", "tpu"), "no device"),
                                             (("cpu", "cuda"), "no device"), (("gpu", "cuda"), "no device")])
def test_a_profile_or_device_that_is_not_there_is_refused(asked, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=said):
        chosen_profile(*asked)
