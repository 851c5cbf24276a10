"""Laws of going on from an earlier network: before its first step it sees what it saw, wherever the patient lies."""

from argparse import ArgumentParser
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from checkpoint_files import XVR_DESIGN, xvr_file
from scipy.spatial.transform import Rotation
from training_scene import DETECTOR, EXAMPLE, RANGE

from xvrcore import rigid
from xvrcore.attenuation import attenuation_from_mr
from xvrcore.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from xvrcore.cli import main
from xvrcore.cli.finetune import _start
from xvrcore.cli.inputs import add_start_arguments
from xvrcore.cli.templates import template_from_patient
from xvrcore.errors import InputError
from xvrcore.jobs import JobFolder, Worker, state_of
from xvrcore.networks.frames import AgnosticFrame, RelativeFrame, VolumeIdentity
from xvrcore.networks.inputs import network_intrinsics
from xvrcore.networks.poses import predicted
from xvrcore.networks.regressor import NetworkDesign, PoseNetwork
from xvrcore.patient import Patient
from xvrcore.prediction import load_predictor
from xvrcore.training.files import NETWORK, START
from xvrcore.training.finetune import Task, finetune, make_trainer
from xvrcore.training.parts import seen_intrinsics
from xvrcore.training.settings import PROFILES, TrainingSettings
from xvrcore.volume_io import read_volume

BRIEF = TrainingSettings(iterations=2, batch=4, validation_xrays=1)
SMALL = NetworkDesign("small", 2, 64, "rotation_6d", 50.0)


def network_of(frame) -> Checkpoint:
    torch.manual_seed(3)
    return Checkpoint(SMALL, network_intrinsics(EXAMPLE, 64), frame, PoseNetwork(SMALL).state_dict())


def seen_by(checkpoint: Checkpoint, relative, images: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return relative.decoded(*(part.numpy() for part in predicted(checkpoint.network(), images)))


def started(task: Task, path) -> Checkpoint:
    """The network of a task that has not trained a step, as it comes back from disk."""
    trainer = make_trainer(task)
    frame = RelativeFrame(trainer.examples.relative, VolumeIdentity.of(task.patient.source))
    write_checkpoint(path, Checkpoint(trainer.network.design, trainer.examples.intrinsics, frame,
                                      trainer.network.state_dict()))
    return read_checkpoint(path)


@pytest.mark.parametrize("orientation", ["AP", "PA"])
@pytest.mark.parametrize("reverse_x_axis", [False, True])
def test_a_network_of_xvr_finetuned_by_no_step_predicts_the_same_poses(patient, tmp_path, orientation, reverse_x_axis):
    torch.manual_seed(2)
    config = {"orientation": orientation, "reverse_x_axis": reverse_x_axis}
    imported = read_checkpoint(xvr_file(tmp_path / "xvr.pth", PoseNetwork(XVR_DESIGN).state_dict(), config=config))
    relative = imported.frame.poses(patient.source)
    start = replace(imported, frame=RelativeFrame(relative, VolumeIdentity.of(patient.source)))
    settings = replace(PROFILES["gpu"], device="cpu", batch=4)
    found = started(Task(patient, RANGE, EXAMPLE, settings, start), tmp_path / "ours.safetensors")
    images = torch.randn(3, 1, 64, 64)
    np.testing.assert_array_equal(seen_by(found, found.frame.poses(patient.source), images),
                                  seen_by(imported, relative, images))
    assert found.design == imported.design
    assert found.intrinsics.flipped == imported.intrinsics.flipped


def test_what_it_learns_then_are_the_true_poses_in_its_own_words(patient, tmp_path):
    imported = read_checkpoint(xvr_file(tmp_path / "xvr.pth", PoseNetwork(XVR_DESIGN).state_dict()))
    start = replace(imported, frame=RelativeFrame(imported.frame.poses(patient.source),
                                                  VolumeIdentity.of(patient.source)))
    settings = replace(PROFILES["gpu"], device="cpu", batch=4)
    trainer = make_trainer(Task(patient, RANGE, EXAMPLE, settings, start))
    batch = trainer.examples.draw(4, (0, 0, 0))
    poses = trainer.examples.relative.decoded(batch.rotations.numpy(), batch.shifts.numpy())
    cast = patient.full.projector.integrals(poses, trainer.examples.intrinsics.pixel_grid().reshape(-1, 3)).values
    assert np.corrcoef(cast.ravel(), batch.integrals.numpy().ravel())[0, 1] > 0.999
    trainer.step()
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_the_network_decides_what_it_sees_not_the_profile(patient, tmp_path):
    imported = read_checkpoint(xvr_file(tmp_path / "xvr.pth", PoseNetwork(XVR_DESIGN).state_dict()))
    start = replace(imported, frame=RelativeFrame(imported.frame.poses(patient.source),
                                                  VolumeIdentity.of(patient.source)))
    trainer = make_trainer(Task(patient, RANGE, EXAMPLE, BRIEF, start))
    trainer.step()
    assert np.isfinite(trainer.figures()["loss"])
    small = network_of(RelativeFrame.around(RANGE, patient.source))
    with pytest.raises(InputError, match="one channel"):
        make_trainer(Task(patient, RANGE, EXAMPLE, replace(PROFILES["gpu"], device="cpu"), small))


def test_a_mirrored_network_goes_on_seeing_mirrored_images():
    start = network_of(AgnosticFrame(RANGE))
    example = replace(EXAMPLE, principal_point_px=(20.0, 40.0))
    plain = seen_intrinsics(example, SMALL, start)
    mirrored = seen_intrinsics(example, SMALL, replace(start, intrinsics=replace(start.intrinsics, flipped=True)))
    np.testing.assert_allclose(mirrored.pixel_grid()[:, ::-1], plain.pixel_grid(), atol=1e-9)


@pytest.mark.parametrize("kind", ["of one volume", "of any volume"])
def test_a_network_goes_on_with_a_patient_who_lies_elsewhere(kind, patient, ct, tmp_path, rng):
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = Rotation.random(random_state=rng).as_matrix(), rng.uniform(-80, 80, 3)
    template = patient.source
    frame = RelativeFrame.around(RANGE, template) if kind == "of one volume" else AgnosticFrame(RANGE)
    elsewhere = replace(template, ras_from_ijk=rigid.inverse(moved) @ template.ras_from_ijk, sha256="other")
    other = Patient(replace(patient.full.attenuation, ras_from_ijk=elsewhere.ras_from_ijk), elsewhere, "joseph")
    start = network_of(frame)
    resolved = replace(start, frame=RelativeFrame(frame.poses(elsewhere, moved), VolumeIdentity.of(elsewhere)))
    found = started(Task(other, RANGE, EXAMPLE, BRIEF, resolved), tmp_path / "n.safetensors")
    images = torch.randn(2, 2, 64, 64)
    on_template = seen_by(start, frame.poses(template), images)
    on_patient = seen_by(found, found.frame.poses(elsewhere), images)
    np.testing.assert_allclose(moved @ on_patient, on_template, atol=1e-6)


def words(ct, tmp_path, *more: str) -> list[str]:
    return ["finetune", "--job", str(tmp_path / "job"), "--volume", str(ct), *DETECTOR, "--iterations", "2", "--batch",
            "4", "--validation-xrays", "1", "--detach", "--profile", "cpu", *more]


def foreign_network(patient, path) -> None:
    """Of a volume that stands 40 mm further left."""
    frame = patient.source.ras_from_ijk.copy()
    frame[0, 3] -= 40
    write_checkpoint(path, network_of(RelativeFrame.around(RANGE, replace(patient.source, ras_from_ijk=frame,
                                                                          sha256="f" * 64))))


def test_a_network_of_another_volume_is_refused_with_what_to_do(ct, patient, tmp_path, capsys):
    foreign_network(patient, tmp_path / "n.safetensors")
    assert main(words(ct, tmp_path, "--checkpoint", str(tmp_path / "n.safetensors"))) == 2
    assert "template transform" in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("inverse", [False, True])
def test_a_transform_file_says_how_the_two_lie_and_is_asked_for_once(ct, patient, tmp_path, inverse, monkeypatch):
    monkeypatch.setattr("xvrcore.cli.training_options.launch", lambda path: None)
    network, transform = tmp_path / "n.safetensors", tmp_path / "t.tfm"
    foreign_network(patient, network)
    # the template stands 40 mm further left, +40 in LPS; ITK leads from the fixed (template) to the moving (patient)
    sitk.WriteTransform(sitk.TranslationTransform(3, (-40.0 if not inverse else 40.0, 0, 0)), str(transform))
    assert main(words(ct, tmp_path, "--checkpoint", str(network), "--template-transform", str(transform),
                      *(["--template-inverse"] if inverse else []))) == 0
    with Worker(tmp_path / "job") as worker:
        first = _start(worker, patient.source)
        network.unlink()
        transform.unlink()
        again = _start(worker, patient.source)
    for found in (first, again):
        nominal = found.frame.poses(patient.source).decoded(np.eye(3)[None], np.zeros((1, 3)))[0]
        np.testing.assert_allclose(nominal, RANGE.nominal(patient.center_ras), atol=1e-6)
    assert (tmp_path / "job" / START).is_file()


def test_registering_takes_the_same_options(ct, patient, tmp_path):
    foreign_network(patient, tmp_path / "n.safetensors")
    sitk.WriteTransform(sitk.TranslationTransform(3, (-40.0, 0, 0)), str(tmp_path / "t.tfm"))
    parser = ArgumentParser()
    add_start_arguments(parser)
    options = parser.parse_args(["--checkpoint", str(tmp_path / "n.safetensors"), "--template-transform",
                                 str(tmp_path / "t.tfm")])
    predictor = load_predictor(options.checkpoint, patient, template_from_patient(options, patient.source))
    nominal = predictor.relative.decoded(np.eye(3)[None], np.zeros((1, 3)))[0]
    np.testing.assert_allclose(nominal, RANGE.nominal(patient.center_ras), atol=1e-6)
    with pytest.raises(InputError, match="template transform"):
        load_predictor(options.checkpoint, patient)


def test_a_job_goes_on_from_an_earlier_job(ct, patient, tmp_path, little_patience):
    earlier, later = (JobFolder(tmp_path / name) for name in ("earlier", "later"))
    for job in (earlier, later):
        job.create({})
    with Worker(earlier.path) as worker:
        finetune(worker, Task(patient, RANGE, EXAMPLE, BRIEF))
    start = read_checkpoint(earlier.path / NETWORK)
    assert start.record["pose_range"] == RANGE.as_dict()
    wider = replace(RANGE, primary_deg=(-10, 50))
    trainer = make_trainer(Task(patient, wider, EXAMPLE, BRIEF, start))
    assert all(torch.equal(trainer.network.state_dict()[name], tensor) for name, tensor in start.weights.items())
    for name, value in vars(start.frame.relative).items():
        np.testing.assert_array_equal(getattr(trainer.examples.relative, name), value)


def test_an_mr_can_be_learned_and_judged(ct, tmp_path, rng, little_patience):
    volume = read_volume(ct)
    intensities = np.clip((volume.values + 1000) / 10, 0, 150) + rng.normal(0, 1, volume.values.shape)
    mr = volume.with_values(intensities.astype(np.float32), "MR")
    patient = Patient(attenuation_from_mr(mr), mr, "joseph")
    job = JobFolder(tmp_path / "job")
    job.create({})
    with Worker(job.path) as worker:
        assert worker.perform(lambda worker: finetune(worker, Task(patient, RANGE, EXAMPLE, BRIEF))) == 0
    state = state_of(job.path)
    assert state.phase == "finished"
    assert len(state.result["validation"]) == 2
    settings = replace(PROFILES["gpu"], device="cpu", size=32, batch=4, iterations=1)
    trainer = make_trainer(Task(patient, RANGE, EXAMPLE, settings))
    trainer.step()
    assert np.isfinite(trainer.figures()["loss"])
