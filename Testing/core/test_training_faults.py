"""Laws of training in a rough world: whatever happens to a worker, what it saved is whole, and resuming ends where an
undisturbed run does."""

import json
import multiprocessing
import time

import faulty_work
import psutil
import pytest
import torch
from cli_files import write_patient
from training_scene import prepared, result_of, wait_for

from xvrcore.checkpoint import read_checkpoint
from xvrcore.cli import main
from xvrcore.errors import InputError, WorkError
from xvrcore.jobs import JobFolder, StatusReader, Worker, launch, state_of, stop
from xvrcore.jobs.process import is_alive
from xvrcore.training.faults import device_faults, is_out_of_memory
from xvrcore.training.files import NETWORK, STATE

ITERATIONS = 20
FAULTS = {
    "killed-writing": ("died", "resume"), "killed-renaming": ("died", "resume"),
    "disk-full": ("failed", "the disk is full"), "device-lost": ("failed", "CUDA error: unspecified launch failure"),
    "volume-gone": ("failed", "ct.nii.gz")}
"""The job's phase after each, and what its message says."""
SMALL_DISKS = faulty_work.small_disks()
WORKERS = multiprocessing.get_context(
    "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn")
if WORKERS.get_start_method() == "forkserver":      # each worker is a process of its own, but imports nothing anew
    WORKERS.set_forkserver_preload(["faulty_work", "torch._dynamo"])


def begin(work, *arguments) -> multiprocessing.Process:
    process = WORKERS.Process(target=work, args=arguments)
    process.start()
    return process


def start(job: JobFolder, fault: str = "none", when: int = 0) -> multiprocessing.Process:
    return begin(faulty_work.work, job.path, fault, when)


def ended(process) -> int:
    """The exit code, once it has one."""
    process.join()
    return process.exitcode


def finish(job: JobFolder) -> JobFolder:
    assert ended(start(job)) == 0, job.log_end()
    return job


def weights_in(job: JobFolder) -> dict:
    return torch.load(job.path / STATE, weights_only=True)["network"]


@pytest.fixture(scope="module")
def undisturbed(ct, tmp_path_factory) -> JobFolder:
    """A job to which nothing happened."""
    return finish(prepared(ct, tmp_path_factory.mktemp("jobs") / "undisturbed", ITERATIONS))


def require_same(troubled: JobFolder, undisturbed: JobFolder) -> None:
    first, second = weights_in(undisturbed), weights_in(troubled)
    assert all(torch.equal(second[name], tensor) for name, tensor in first.items())
    assert result_of(troubled)["validation"][-1]["median_mm"] == result_of(undisturbed)["validation"][-1]["median_mm"]


def test_whatever_happens_on_the_way_training_ends_at_the_same_weights(undisturbed, tmp_path, rng):
    """One job suffers everything in random order, each at a random moment, and says each time what it was."""
    ct = write_patient(tmp_path)
    troubled = prepared(ct, tmp_path / "troubled", ITERATIONS)
    assert ended(start(troubled, "killed", int(rng.integers(4, 8)))) != 0
    assert state_of(troubled.path).phase == "died"
    for fault in rng.permutation([*FAULTS]).tolist():
        phase, said = FAULTS[fault]
        before = torch.load(troubled.path / STATE, weights_only=True)["iteration"]
        if fault == "volume-gone":
            ct.rename(tmp_path / "elsewhere.nii.gz")
        assert ended(start(troubled, fault, int(rng.integers(1, 3)))) != 0, fault
        if fault == "volume-gone":
            (tmp_path / "elsewhere.nii.gz").rename(ct)
        state = state_of(troubled.path)
        assert state.phase == phase, fault
        assert said in state.message, fault
        assert before <= torch.load(troubled.path / STATE, weights_only=True)["iteration"] < ITERATIONS, fault
        assert read_checkpoint(troubled.path / NETWORK).design.name == "small"
    require_same(finish(troubled), undisturbed)


def test_killed_from_outside_at_random_moments_training_ends_at_the_same_weights(ct, undisturbed, tmp_path, rng):
    """Wherever the worker happens to be: importing, preparing, training, validating or saving."""
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    reader, killed = StatusReader(job.status), 0
    for most in (9, 6, 4):      # of at least 13 records that a whole run leaves
        process, told, wanted = start(job), 0, int(rng.integers(0, most))
        while told < wanted and process.is_alive():
            told += len(reader.new_records())
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        killed += ended(process) != 0
        reader.new_records()
    assert killed > 0
    require_same(finish(job), undisturbed)


@pytest.mark.parametrize("kind", SMALL_DISKS)
def test_on_a_small_disk_training_ends_early_and_goes_on_once_there_is_room(kind, ct, undisturbed, tmp_path):
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    network, state = ((undisturbed.path / name).stat().st_size >> 10 for name in (NETWORK, STATE))
    assert ended(begin(faulty_work.work_on_a_small_disk, job.path, kind,
                       network + 3 * state // 2 if kind == "tmpfs" else (network + state) // 2)) == 0
    full, roomy = (JobFolder(tmp_path / name) for name in ("job.full", "job.roomy"))
    assert state_of(full.path).phase == "failed"
    assert {"tmpfs": "the disk is full", "RLIMIT_FSIZE": "cannot be written"}[kind] in state_of(full.path).message
    assert read_checkpoint(full.path / NETWORK).design.name == "small"
    if kind == "tmpfs":     # had room for one state
        assert 0 < torch.load(full.path / STATE, weights_only=True)["iteration"] < ITERATIONS
    require_same(roomy, undisturbed)


def test_full_memory_halves_the_batch_and_says_so(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    config = job.read_config()
    config["settings"]["batch"] = 8
    job.config.write_text(json.dumps(config))
    assert ended(start(job, "memory-full", 4)) == 0, job.log_end()
    assert result_of(job)["batch"] == 4
    assert any("the batch is now 4 images" in record.get("message", "") for record in
               StatusReader(job.status).new_records())


def test_a_worker_that_hears_nothing_is_ended_with_its_children(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    process = start(job, "deaf", 3)
    wait_for(job, lambda state: not process.is_alive() or psutil.Process(process.pid).children())
    family = [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]
    began = time.monotonic()
    assert stop(job.path, patience_s=0.5).phase == "stopped"
    assert time.monotonic() - began < 10
    process.join()
    assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_worker_stops_within_five_seconds_and_two_never_share_a_folder(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", 100_000)
    worker = launch(job.path)
    wait_for(job, lambda state: state.last.get("phase") == "training" or not state.is_live)
    assert main(["jobs", "resume", str(job.path)]) == 2
    with pytest.raises(InputError, match="another process"), Worker(job.path):
        pass
    began = time.monotonic()
    state = stop(job.path, patience_s=30)
    assert time.monotonic() - began < 5
    assert state.phase == "stopped"
    assert not is_alive(worker)
    assert torch.load(job.path / STATE, weights_only=True)["iteration"] == state.result["iterations"] > 0


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: device-side assert triggered\nmore"),
                                   RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
                                   RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered")])
def test_a_device_that_fails_is_told_from_a_mistake_of_ours(error):
    with pytest.raises(WorkError, match="resume the job") as said, device_faults("cuda"):
        raise error
    assert "more" not in str(said.value)
    for other in (RuntimeError("shapes do not match"), torch.cuda.OutOfMemoryError("CUDA out of memory")):
        with pytest.raises(RuntimeError, match=str(other)), device_faults("cuda"):
            raise other


@pytest.mark.parametrize("error", [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory."),
                                   RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
                                   RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
                                   RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_every_devices_word_for_full_memory_is_known(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("CUDA error: unspecified launch failure"))
