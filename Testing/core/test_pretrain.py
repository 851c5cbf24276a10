"""Laws of learning from many patients: drawn by their weights, one at a time in memory, and the same for any team."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from cli_files import save, write_patient
from imaginary_patient import ct as imaginary_ct
from training_scene import DETECTOR, ENVIRONMENT, EXAMPLE, RANGE, patient_at, result_of, wait_for, weights_of

from xvrcore import rigid
from xvrcore.checkpoint import read_checkpoint
from xvrcore.cli import main
from xvrcore.errors import InputError
from xvrcore.jobs import JobFolder, Worker
from xvrcore.networks.frames import AgnosticFrame
from xvrcore.training.cohort import ITERATIONS_EACH, Cohort, Member, cut_to_part, members_in
from xvrcore.training.files import NETWORK, VIEWS
from xvrcore.training.pretrain import PretrainingTask, make_trainer
from xvrcore.training.settings import TrainingSettings

ITERATIONS = 10
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three patients, one of them with a segmentation."""
    folder = tmp_path_factory.mktemp("volumes")
    for number in range(3):
        volume = imaginary_ct(np.random.default_rng(number), np.diag([-2.5, -2.5, 2.5, 1.0]))
        save(volume.values, folder / f"p{number}.nii.gz", (2.5,) * 3)
    (folder.parent / "labels").mkdir()
    save((volume.values > 200).astype(np.uint8), folder.parent / "labels" / "p2.nii.gz", (2.5,) * 3)
    return folder


def prepare(member: Member):
    return patient_at(member.volume), None


class Told:
    """Stands for the examples of a patient, and tells who was asked for."""

    def __init__(self, patient, _):
        self.path = patient.source.path

    def draw(self, count, seed):
        return self.path.name.split(".")[0]


def cohort_of(members, smallest_part: float = 1.0) -> Cohort:
    return Cohort(members, prepare, Told, RANGE, EXAMPLE, smallest_part)


def test_volumes_and_their_segmentations_are_found_by_name(folder, tmp_path):
    members = members_in(folder, folder.parent / "labels", {"p1": 3.0})
    assert [one.volume.name for one in members] == ["p0.nii.gz", "p1.nii.gz", "p2.nii.gz"]
    assert [one.weight for one in members] == [1.0, 3.0, 1.0]
    assert [one.segmentation is not None for one in members] == [False, False, True]
    uids = [f"1.3.6.1.{number}" for number in range(3)]
    for uid in uids:
        (tmp_path / f"{uid}.nii.gz").touch()
    assert [one.volume.name for one in members_in(tmp_path)] == [f"{uid}.nii.gz" for uid in uids]
    (tmp_path / "1.3.6.1.1.nrrd").touch()
    with pytest.raises(InputError, match="one name"):
        members_in(tmp_path)
    with pytest.raises(InputError, match="p9"):
        members_in(folder, weights={"p9": 1.0})
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match="no volumes"):
        members_in(folder.parent / "empty")
    with pytest.raises(InputError, match="not a folder"):
        members_in(tmp_path / "gone")


def test_patients_are_drawn_by_their_weights_and_stay_for_a_while(folder):
    read = []

    def light(member: Member):
        """A patient that costs nothing to read."""
        read.append(member.volume)
        return SimpleNamespace(source=SimpleNamespace(path=member.volume)), None

    members = members_in(folder, weights={"p0": 0.0, "p2": 3.0})
    cohort = Cohort(members, light, Told, RANGE, EXAMPLE)
    drawn = [cohort.draw(1, (0, 0, iteration)) for iteration in range(200 * ITERATIONS_EACH)]
    assert len(read) == 200
    turns = np.array(drawn).reshape(200, ITERATIONS_EACH)
    assert (turns == turns[:, :1]).all()
    assert "p0" not in drawn
    assert 0.6 < np.mean(turns == "p2") < 0.9


def test_who_is_drawn_depends_on_seed_part_and_iteration_alone(folder):
    asked = [(1, part, 30 * step) for step in range(4) for part in range(2)]
    onward = cohort_of(members_in(folder))
    expected = {seed: onward.draw(1, seed) for seed in asked}
    resumed = cohort_of(members_in(folder))
    assert [resumed.draw(1, seed) for seed in asked[4:]] == [expected[seed] for seed in asked[4:]]
    assert len(onward._held) == 2


@pytest.mark.parametrize(("weights", "part"), [((0, 0), 1.0), ((-1, 2), 1.0), ((np.nan, 1), 1.0), ((1, 1), 0.0)])
def test_weights_and_parts_that_make_no_sense_are_refused(weights, part, folder):
    members = tuple(Member(folder / "p0.nii.gz", None, weight) for weight in weights)
    with pytest.raises(InputError, match="weights|part"):
        cohort_of(members, part)


def test_a_part_of_a_patient_stays_where_it_was(folder, rng):
    whole = patient_at(folder / "p0.nii.gz")
    part = cut_to_part(whole, 0.5, rng)
    assert all(p >= 0.5 * w - 1 for p, w in zip(part.source.values.shape, whole.source.values.shape, strict=True))
    place = rigid.apply(part.source.ras_from_ijk, (np.array(part.source.values.shape[::-1]) - 1) // 2)
    i, j, k = np.rint(rigid.apply(np.linalg.inv(whole.source.ras_from_ijk), place)).astype(int)
    middle = tuple((n - 1) // 2 for n in part.source.values.shape)
    assert part.source.values[middle] == whole.source.values[k, j, i]
    assert part.full.attenuation.values[middle] == whole.full.attenuation.values[k, j, i]


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_network_learns_from_many(profile, folder):
    from xvrcore.training.settings import PROFILES
    size = {"cpu": 64, "gpu": 32}[profile]
    settings = replace(PROFILES[profile], device="cpu", size=size, batch=8, groups=2, iterations=3)
    trainer = make_trainer(PretrainingTask(members_in(folder), prepare, RANGE, EXAMPLE, settings, 0.7))
    before = weights_of(trainer)
    while trainer.fraction < 1:
        trainer.step()
    assert np.isfinite(weights_of(trainer)).all()
    assert not np.array_equal(weights_of(trainer), before)
    assert trainer.figures()["kept"] > 0.5


def words(folder, job) -> list[str]:
    return ["pretrain", "--job", str(job), "--volumes", str(folder), *DETECTOR, "--iterations", str(ITERATIONS),
            "--batch", "8", "--groups", "2", "--validation-xrays", "2", "--threads", "1", "--profile", "cpu",
            "--smallest-part", "0.8", "--anatomy", "chest", "--view", "PA"]


def test_a_team_of_two_learns_what_one_process_learns_from_the_same_batch(folder, tmp_path):
    alone, team = (JobFolder(tmp_path / name) for name in ("alone", "team"))
    assert main([*words(folder, alone.path), "--detach"]) == 0
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           "-m", "xvrcore", *words(folder, team.path)], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert wait_for(alone, lambda state: not state.is_live).phase == "finished", alone.log_end()
    first, second = (np.array([[one["median_mm"], one["p90_mm"]] for one in result_of(job)["validation"]])
                     for job in (alone, team))
    assert len(first) == ITERATIONS
    np.testing.assert_allclose(second, first, rtol=0.02)
    assert np.ptp(first[:, 0]) > 0.05 * first[0, 0]     # and it did learn meanwhile
    assert (team.path / VIEWS).is_file()
    found = read_checkpoint(team.path / NETWORK)
    assert isinstance(found.frame, AgnosticFrame)
    finetuned = JobFolder(tmp_path / "finetuned")
    ct = write_patient(tmp_path)
    assert main(["finetune", "--job", str(finetuned.path), "--volume", str(ct), *DETECTOR, "--iterations", "2",
                 "--batch", "4", "--validation-xrays", "1", "--detach", "--profile", "cpu", "--view", "PA",
                 "--checkpoint", str(team.path)]) == 0
    assert wait_for(finetuned, lambda state: not state.is_live).phase == "finished", finetuned.log_end()
    assert main(["jobs", "list", str(tmp_path)]) == 0


def test_parts_that_a_team_cannot_share_evenly_are_refused():
    from xvrcore.training.team import Team
    with pytest.raises(InputError, match="--groups"):
        Team(0, 2).share(3)
    assert list(Team(1, 2).share(4)) == [1, 3]


def test_finetuning_by_a_team_is_refused(tmp_path, monkeypatch):
    from xvrcore.cli.finetune import work
    monkeypatch.setenv("WORLD_SIZE", "2")
    job = JobFolder(tmp_path / "job")
    job.create({"kind": "finetune"})
    with Worker(job.path) as worker, pytest.raises(InputError, match="one process"):
        work(worker)


def test_wrong_weights_are_said_before_a_job_begins(folder, tmp_path, capsys):
    (tmp_path / "w.json").write_text(json.dumps(["p0"]))
    assert main([*words(folder, tmp_path / "job"), "--weights", str(tmp_path / "w.json")]) == 2
    assert "w.json" in capsys.readouterr().err
    assert not (tmp_path / "job").exists()


def test_settings_refuse_more_parts_than_images():
    with pytest.raises(InputError, match="larger batch"):
        TrainingSettings(batch=2, groups=4)
