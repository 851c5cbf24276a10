"""Laws of training in a rough world: whatever happens to a worker, what it saved is whole, and resuming ends where an
undisturbed run does."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from cli_files import write_patient
from training_scene import ENVIRONMENT, prepared, result_of, wait_for

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
if os.name == "posix":      # Windows knows no limit of a file's size
    FAULTS["file-limit"] = ("failed", "cannot be written")
WORK = Path(__file__).with_name("faulty_work.py")


@pytest.fixture(scope="module")
def ct(tmp_path_factory):
    return write_patient(tmp_path_factory.mktemp("patient"))


def start(job: JobFolder, fault: str = "none", when: int = 0) -> subprocess.Popen:
    with job.log.open("ab") as log:
        return subprocess.Popen([sys.executable, str(WORK), str(job.path), fault, str(when)], stdout=log, stderr=log,
                                env=ENVIRONMENT)


def finish(job: JobFolder) -> JobFolder:
    assert start(job).wait() == 0, job.log_end()
    return job


def test_whatever_happens_on_the_way_training_ends_at_the_same_weights(tmp_path, rng):
    """One job suffers everything in random order, each at a random moment, and says each time what it was."""
    (tmp_path / "own").mkdir()
    ct = write_patient(tmp_path / "own")
    undisturbed = prepared(write_patient(tmp_path), tmp_path / "undisturbed", ITERATIONS)
    troubled = prepared(ct, tmp_path / "troubled", ITERATIONS)
    whole = start(undisturbed)
    assert start(troubled, "killed", int(rng.integers(4, 8))).wait() != 0
    assert state_of(troubled.path).phase == "died"
    for fault in rng.permutation([*FAULTS]).tolist():
        phase, said = FAULTS[fault]
        before = torch.load(troubled.path / STATE, weights_only=True)["iteration"]
        if fault == "volume-gone":
            ct.rename(tmp_path / "elsewhere.nii.gz")
        assert start(troubled, fault, int(rng.integers(1, 3))).wait() != 0, fault
        if fault == "volume-gone":
            (tmp_path / "elsewhere.nii.gz").rename(ct)
        state = state_of(troubled.path)
        assert state.phase == phase, fault
        assert said in state.message, fault
        assert before <= torch.load(troubled.path / STATE, weights_only=True)["iteration"] < ITERATIONS, fault
        assert read_checkpoint(troubled.path / NETWORK).design.name == "small"
    finish(troubled)
    assert whole.wait() == 0, undisturbed.log_end()
    first, second = (torch.load(job.path / STATE, weights_only=True)["network"] for job in (undisturbed, troubled))
    assert all(torch.equal(second[name], tensor) for name, tensor in first.items())
    assert result_of(troubled)["validation"][-1]["median_mm"] == result_of(undisturbed)["validation"][-1]["median_mm"]


def test_full_memory_halves_the_batch_and_says_so(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    config = job.read_config()
    config["settings"]["batch"] = 8
    job.config.write_text(json.dumps(config))
    assert start(job, "memory-full", 4).wait() == 0, job.log_end()
    assert result_of(job)["batch"] == 4
    assert any("the batch is now 4 images" in record.get("message", "") for record in
               StatusReader(job.status).new_records())


def test_a_worker_that_hears_nothing_is_ended_with_its_children(ct, tmp_path):
    job = prepared(ct, tmp_path / "job", ITERATIONS)
    process = start(job, "deaf", 3)
    wait_for(job, lambda state: process.poll() is not None or psutil.Process(process.pid).children())
    family = [*psutil.Process(process.pid).children(), psutil.Process(process.pid)]
    began = time.monotonic()
    assert stop(job.path, patience_s=0.5).phase == "stopped"
    assert time.monotonic() - began < 10
    process.wait()
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
                                   RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_every_devices_word_for_full_memory_is_known(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("CUDA error: unspecified launch failure"))
