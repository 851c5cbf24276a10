"""Laws of training: it learns, it is the same however often it is broken off, and nothing that was saved is lost."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from checkpoint_files import Hostile
from cli_files import write_xray
from PIL import Image
from training_scene import DETECTOR, EXAMPLE, RANGE, begin, prepared, wait_for, weights_of

from xvrcore.checkpoint import read_checkpoint
from xvrcore.cli import main
from xvrcore.errors import InputError, WorkError
from xvrcore.jobs import JobFolder, Worker, state_of
from xvrcore.jobs.folder import write_json
from xvrcore.networks.ranges import PoseRange
from xvrcore.patient import Patient
from xvrcore.training.appearance import Appearance
from xvrcore.training.clipping import clip_adaptively
from xvrcore.training.files import NETWORK, SAMPLES, START, STATE, VIEWS
from xvrcore.training.finetune import Task, finetune, make_trainer
from xvrcore.training.muon import orthogonalized
from xvrcore.training.samples import SHOWN, TILE_PX, write_samples
from xvrcore.training.settings import TrainingSettings, settings_from_dict
from xvrcore.training.trainer import LEAST_BATCH, Trainer
from xvrcore.training.validation import Errors, Validation, validation_xrays
from xvrcore.training.verdict import Outcome
from xvrcore.training.views import write_views

BRIEF = TrainingSettings(iterations=12, batch=4, validation_xrays=2)


pytestmark = pytest.mark.usefixtures("one_thread")


def trainer_of(patient: Patient, settings: TrainingSettings) -> Trainer:
    return make_trainer(Task(patient, RANGE, EXAMPLE, settings))


def test_training_lowers_the_error(patient):
    trainer = trainer_of(patient, TrainingSettings(iterations=40, batch=12, warmup=10))
    losses = []
    while trainer.fraction < 1:
        trainer.step()
        losses.append(trainer.figures()["loss"])
    assert np.mean(losses[-8:]) < 0.85 * np.mean(losses[:4])


def test_training_broken_off_and_taken_up_again_ends_at_the_same_weights(patient, tmp_path, rng):
    settings = TrainingSettings(iterations=9, batch=4)
    whole = trainer_of(patient, settings)
    while whole.fraction < 1:
        whole.step()
    broken = trainer_of(patient, settings)
    for _ in range(int(rng.integers(1, 8))):
        broken.step()
    broken.save(tmp_path / STATE, {"history": [1, 2]})
    resumed = trainer_of(patient, settings)
    assert resumed.load(tmp_path / STATE) == {"history": [1, 2]}
    while resumed.fraction < 1:
        resumed.step()
    np.testing.assert_array_equal(weights_of(resumed), weights_of(whole))


def test_a_torn_or_hostile_state_is_refused_and_executes_nothing(patient, tmp_path, rng):
    trainer = trainer_of(patient, BRIEF)
    trainer.save(tmp_path / STATE, {})
    whole = (tmp_path / STATE).read_bytes()
    for length in (0, int(rng.integers(1, len(whole) - 1)), len(whole) - 1):
        (tmp_path / STATE).write_bytes(whole[:length])
        with pytest.raises(InputError, match="cannot be gone on from"):
            trainer.load(tmp_path / STATE)
    torch.save({"network": Hostile(tmp_path / "executed"), "iteration": 1}, tmp_path / STATE)
    for content in ((tmp_path / STATE).read_bytes(), b"torn", rng.bytes(1000)):
        (tmp_path / STATE).write_bytes(content)
        with pytest.raises(InputError, match="cannot be gone on from"):
            trainer.load(tmp_path / STATE)
    assert not (tmp_path / "executed").exists()


def test_the_batch_shrinks_when_memory_runs_out_and_training_ends_when_nothing_fits(patient):
    trainer = trainer_of(patient, TrainingSettings(iterations=100, batch=16))
    draw, fits = trainer.examples.draw, 8

    def scarce(count, seed):
        if count > fits:
            raise MemoryError
        return draw(count, seed)

    trainer.examples.draw = scarce
    assert "8 images" in trainer.step()
    assert trainer.step() == ""
    assert trainer.batch == 8
    fits = LEAST_BATCH - 1
    assert trainer.step() == ""   # its batch was drawn while memory lasted
    assert f"{LEAST_BATCH} images" in trainer.step()
    with pytest.raises(WorkError, match="memory"):
        trainer.step()


def test_the_same_seed_gives_the_same_examples_and_another_seed_others(patient):
    examples = trainer_of(patient, BRIEF).examples
    first, again, other = (examples.draw(3, (seed, 0, 5)) for seed in (1, 1, 2))
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.equal(first.inputs, other.inputs)


def test_a_range_beside_the_patient_is_refused_before_time_is_spent(patient, tmp_path):
    beside = PoseRange((-5, 5), (-5, 5), (0, 0), (900, 1000), (0, 0), (600, 700))
    folder = JobFolder(tmp_path / "job")
    folder.create({})
    with Worker(folder.path) as worker, pytest.raises(InputError, match="0% of the poses"):
        finetune(worker, Task(patient, beside, EXAMPLE, BRIEF))


def test_unseen_xrays_show_the_patient_though_some_poses_of_the_range_do_not(patient):
    def examples_of(*right_mm):
        return make_trainer(Task(patient, replace(RANGE, right_mm=right_mm), EXAMPLE, BRIEF)).examples

    examples = examples_of(-500, 500)
    assert 0.2 < examples.kept_share() < 0.7
    found = np.stack([one.camera.ras_from_camera for one in validation_xrays(examples, EXAMPLE, 5, 0)])
    assert examples.shown(found).all()
    with pytest.raises(InputError, match="Hardly a pose"):
        next(validation_xrays(examples_of(900, 1000), EXAMPLE, 1, 0))


def test_a_job_that_failed_before_it_learned_anything_makes_way_and_no_other_does(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", 10, "--range-right-mm", "900", "1000")
    assert main(["jobs", "work", str(job.path)]) == 2
    (job.path / START).write_bytes(b"of a network to go on from")
    prepared(ct, job.path, 10)
    assert state_of(job.path).phase == "new"
    assert sorted(one.name for one in job.path.iterdir() if not one.name.startswith(".")) == [job.config.name]
    write_json(job.result, {"outcome": "failed"})
    (job.path / STATE).write_bytes(b"of weights")
    assert main(["finetune", "--job", str(job.path), "--volume", str(ct), *DETECTOR, "--detach"]) == 2
    assert (job.path / STATE).read_bytes() == b"of weights"


def test_the_views_of_a_range_can_be_looked_at(patient, tmp_path):
    write_views(tmp_path / VIEWS, trainer_of(patient, BRIEF).examples, 0)
    with Image.open(tmp_path / VIEWS) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (3 * 3 * 64, 3 * 6 * 64)
    assert len({tile.tobytes() for row in np.split(pixels, 3) for tile in np.split(row, 6, axis=1)}) == 18


def test_unseen_xrays_are_shown_beside_what_the_network_takes_them_for(patient, tmp_path):
    """The better the poses, the more the two rows of pictures are alike; more X-rays than fit are left out."""
    trainer = trainer_of(patient, BRIEF)
    xrays = list(validation_xrays(trainer.examples, EXAMPLE, SHOWN + 1, 0))
    validation = Validation(xrays, patient, trainer.examples.relative, trainer.examples.intrinsics)
    truth = np.stack([one.camera.ras_from_camera for one in xrays])
    likeness = []
    for poses in (truth, np.roll(truth, 1, axis=0)):
        write_samples(tmp_path / SAMPLES, validation, poses, validation.mtre_of_poses(poses))
        with Image.open(tmp_path / SAMPLES) as picture:
            pixels = np.asarray(picture.convert("L"), float)
        assert SHOWN * TILE_PX <= pixels.shape[1] < (SHOWN + 1) * TILE_PX
        xray, drr, _both = np.split(pixels[-3 * TILE_PX:], 3)
        likeness.append(np.corrcoef(xray.ravel(), drr.ravel())[0, 1])
    assert likeness[0] > 0.8
    assert likeness[1] < likeness[0] - 0.1


def test_clipping_bounds_each_units_gradient_by_its_weights(rng):
    layer = torch.nn.Linear(7, 5)
    layer.weight.grad = torch.tensor(rng.normal(size=(5, 7)), dtype=torch.float32) * torch.logspace(-6, 3, 5)[:, None]
    before = layer.weight.grad.clone()
    clip_adaptively(layer.parameters(), 0.1)
    bound = 0.1 * layer.weight.norm(dim=1)
    norms = layer.weight.grad.norm(dim=1)
    assert (norms <= bound * 1.001).all()
    small = before.norm(dim=1) < bound
    assert torch.equal(layer.weight.grad[small], before[small])


def test_muons_update_is_nearly_orthogonal_whatever_the_gradient(rng):
    gradient = torch.tensor(rng.normal(size=(20, 50)) * np.logspace(0, 1, 20)[:, None], dtype=torch.float32)
    values = torch.linalg.svdvals(orthogonalized(gradient))
    assert values.max() < 1.3
    assert values.min() > 0.3


def test_settings_survive_json():
    settings = TrainingSettings(iterations=5, appearance=Appearance(noise=(0.1, 0.2)))
    assert settings_from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.fixture(scope="module")
def xray(ct):
    return write_xray(ct, ct.parent / "x.dcm")


def test_a_finished_job_reports_what_its_network_is_worth(ct, tmp_path, little_patience):
    job = prepared(ct, tmp_path / "job", 10)
    assert main(["jobs", "work", str(job.path)]) == 0
    state = state_of(job.path)
    assert state.phase == "finished"
    assert "the search without training" in state.message
    assert {"refined", "search", "validation", "iterations"} <= set(state.result)
    assert state.result["best"] == min(state.result["validation"], key=lambda one: one["mean_mm"])
    with Image.open(job.path / SAMPLES) as picture:
        assert picture.height > 3 * TILE_PX
    assert read_checkpoint(job.path / NETWORK).record["settings"]["iterations"] == 10


def test_a_job_can_be_listed_stopped_and_watched(ct, tmp_path, capsys):
    job = begin(ct, tmp_path / "job", 100_000)
    wait_for(job, lambda state: state.last.get("phase") == "training")
    assert main(["jobs", "list", str(tmp_path)]) == 0
    assert f"{job.path}: running" in capsys.readouterr().out
    assert main(["jobs", "stop", str(job.path)]) == 0
    assert read_checkpoint(job.path / NETWORK).design.name == "small"
    assert main(["jobs", "watch", str(job.path)]) == 0
    assert "stopped" in capsys.readouterr().out


def test_the_geometry_can_be_typed_instead_of_read_from_an_xray(ct, xray, tmp_path, monkeypatch):
    monkeypatch.setattr("xvrcore.cli.training_options.launch", lambda path: None)
    given = {"xray": ["--xray", str(xray)],
             "typed": ["--sdd-mm", "1000", "--pixel-spacing-mm", "2.2", "--size-px", "144", "160",
                       "--primary-deg", "25", "--secondary-deg", "8"]}
    for name, words in given.items():
        assert main(["finetune", "--job", str(tmp_path / name), "--volume", str(ct), "--detach", *words]) == 0
    read, typed = (JobFolder(tmp_path / name).read_config() for name in given)
    assert typed["intrinsics"] | {"flipped": None} == read["intrinsics"] | {"flipped": None}
    assert np.allclose(list(typed["range"].values()), list(read["range"].values()), atol=0.01)


@pytest.mark.parametrize("words", [[], ["--sdd-mm", "1000"], ["--size-px", "64", "64"]])
def test_without_an_xray_the_whole_geometry_has_to_be_typed(ct, tmp_path, capsys, words):
    assert main(["finetune", "--job", str(tmp_path / "job"), "--volume", str(ct), *words]) == 2
    assert "--pixel-spacing-mm" in capsys.readouterr().err


@pytest.mark.parametrize(("change", "said"), [
    (["--minutes", "0"], "budget"), (["--seed", "-1"], "seed"), (["--range-roll-deg", "20", "10"], "roll_deg"),
    (["--volume", "gone.nii.gz"], "does not exist"), (["--xray", "{0}", "{0}"], "one X-ray"),
    (["--segmentation", "gone.nii.gz"], "does not exist"), (["--validation-xrays", "0"], "at least 1"),
    (["--consistency-weight", "-1"], "below 0"), (["--range-distance-mm", "900", "1200"], "before the detector"),
    (["--source-isocenter-mm", "1500"], "between source and detector"),
    (["--template-transform", "gone.tfm"], "--checkpoint"), (["--template", "gone.nii.gz"], "--checkpoint"),
    (["--template", "gone.nii.gz", "--checkpoint", "gone"], "gone.nii.gz does not exist")])
def test_wrong_input_is_said_before_a_job_begins(ct, xray, tmp_path, capsys, change, said):
    words = [word.format(xray) for word in change]
    assert main(["finetune", "--job", str(tmp_path / "job"), "--volume", str(ct), "--xray", str(xray), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


def test_a_network_beats_the_search_by_success_or_clearly_by_time_alone():
    def outcome(success, seconds):
        return Outcome(Errors(1.0, 2.0, 1.3), success, seconds)

    other = outcome(0.9, 2.0)
    assert outcome(1.0, 9.0).beats(other)
    assert outcome(0.9, 1.0).beats(other)
    assert not outcome(0.9, 1.9).beats(other)
    assert not outcome(0.8, 0.1).beats(other)
