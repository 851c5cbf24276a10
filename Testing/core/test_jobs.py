"""Laws of the job folder: one worker at a time, nothing torn, nothing lost, and what happened can be told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from xvrcore.errors import InputError
from xvrcore.files import PART
from xvrcore.jobs import JobFolder, StatusReader, Worker, jobs_below, launch, state_of, stop, watch
from xvrcore.jobs.folder import last_record, write_json
from xvrcore.jobs.process import ProcessId, is_alive, this_process

WORK = Path(__file__).with_name("job_work.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def job(tmp_path) -> JobFolder:
    folder = JobFolder(tmp_path / "job")
    folder.create({"kind": "test"})
    return folder


def start(job: JobFolder, *words: str) -> subprocess.Popen:
    """A worker in a process of its own, once it counts or says what it has to."""
    before = len(StatusReader(job.status).new_records())
    with job.log.open("ab") as log:
        process = subprocess.Popen([sys.executable, str(WORK), str(job.path), *words], stdout=log, stderr=log,
                                   env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True)
    deadline = time.monotonic() + 20
    while len(StatusReader(job.status).new_records()) == before and "deaf" not in words or not job.worker.is_file() \
            or json.loads(job.worker.read_text())["pid"] != process.pid:
        assert time.monotonic() < deadline, job.log_end()
        assert process.poll() is None, job.log_end()
        time.sleep(0.01)
    return process


def test_a_worker_counts_stops_when_asked_and_leaves_a_result(job):
    process = start(job)
    assert state_of(job.path).phase == "running"
    began = time.monotonic()
    state = stop(job.path)
    assert time.monotonic() - began < 5
    assert process.wait(5) == 0
    assert state.phase == "stopped"
    counted = [r["iteration"] for r in watch(job.path) if r["phase"] == "counting"]
    assert counted == list(range(1, state.result["count"] + 1))


def test_a_deaf_worker_and_its_children_are_ended_by_force(job):
    process = start(job, "child", "deaf")
    child = next(r["pid"] for r in watch_until(job, "child"))
    assert psutil.pid_exists(child)
    state = stop(job.path, patience_s=0.3)
    process.wait(5)
    assert state.phase == "stopped"
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def watch_until(job: JobFolder, phase: str):
    reader, deadline = StatusReader(job.status), time.monotonic() + 10
    while time.monotonic() < deadline:
        found = [r for r in reader.new_records() if r["phase"] == phase]
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"no {phase}")


def test_a_killed_worker_is_told_from_a_living_one_and_the_log_says_what_it_said(job):
    process = start(job)
    job.log.write_text("the last words\n")
    process.send_signal(signal.SIGKILL)
    while state_of(job.path).is_live:
        time.sleep(0.01)
    state = state_of(job.path)
    assert state.phase == "died"
    assert "the last words" in state.message
    assert f"{state.last['iteration']}" in state.message
    process.wait()


def test_a_worker_behind_a_launcher_is_known_as_itself(job, tmp_path):
    """3D Slicer's Python is a program that runs the real one as its child."""
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "{WORK}" "$5"\nexit $?\n')
    launcher.chmod(0o755)
    worker = launch(job.path, str(launcher))
    assert psutil.Process(worker.pid).parent().name() == launcher.name
    assert state_of(job.path).phase == "running"
    assert stop(job.path).phase == "stopped"
    assert not is_alive(worker)


def test_a_python_that_is_not_there_is_named(job, tmp_path):
    with pytest.raises(InputError, match="NoPython cannot be started"):
        launch(job.path, str(tmp_path / "NoPython"))
    assert state_of(job.path).phase == "new"


def test_two_workers_never_work_in_one_folder(job):
    process = start(job)
    with pytest.raises(InputError, match="another process"), Worker(job.path):
        pass
    assert state_of(job.path).phase == "running"
    assert json.loads(job.worker.read_text())["pid"] == process.pid
    stop(job.path)
    process.wait(5)
    with Worker(job.path):
        assert state_of(job.path).phase == "running"


def test_a_killed_worker_leaves_the_folder_free_for_the_next(job):
    process = start(job)
    process.kill()
    process.wait()
    second = start(job)
    assert state_of(job.path).phase == "running"
    stop(job.path)
    assert second.wait(5) == 0


def test_a_process_id_given_to_another_process_is_not_the_worker():
    own = this_process()
    assert is_alive(own)
    assert not is_alive(ProcessId(own.pid, own.started - 100))


def test_a_reader_sees_every_whole_line_once_however_it_arrives(tmp_path, rng):
    path = tmp_path / "status.jsonl"
    records = [{"phase": "α" * int(rng.integers(1, 30)), "iteration": i} for i in range(50)]
    data = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()
    cuts = sorted(rng.integers(0, len(data), 60).tolist())
    reader, seen = StatusReader(path), []
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        with path.open("ab") as file:
            file.write(data[begin:end])
        seen += reader.new_records()
    assert seen == records


def test_the_last_record_is_found_without_reading_the_others(job):
    with Worker(job.path) as worker:
        for iteration in range(2000):
            worker.say("counting", iteration=iteration)
            if iteration % 500 == 0:
                assert last_record(job.status)["iteration"] == iteration
    with job.status.open("ab") as file:
        file.write(b'{"phase": "to')
    assert last_record(job.status) == StatusReader(job.status).new_records()[-1]
    assert state_of(job.path).last["iteration"] == 1999


def test_a_line_torn_by_a_kill_costs_only_itself(job):
    with Worker(job.path) as worker:
        worker.say("one")
    with job.status.open("ab") as file:
        file.write(b'{"phase": "to')
    with Worker(job.path) as worker:
        worker.say("two")
    assert [r["phase"] for r in StatusReader(job.status).new_records()] == ["one", "two"]


def test_what_a_killed_worker_had_half_written_is_cleared_away(job):
    (job.path / f".0123456789ab{PART}").write_bytes(b"half a networ")
    with Worker(job.path):
        assert not list(job.path.glob(f".*{PART}"))


@pytest.mark.parametrize(("name", "content"), [
    ("config.json", "torn"), ("config.json", "[]"), ("worker.json", "{}"), ("worker.json", '{"pid": -1, "started": 0}'),
    ("worker.json", '{"pid": [], "started": 0}'), ("result.json", "[]"), ("result.json", "")])
def test_a_damaged_job_is_named_and_hides_no_other(job, tmp_path, name, content):
    JobFolder(tmp_path / "well").create({})
    (job.path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        state_of(job.path)
    damaged, well = jobs_below(tmp_path)
    assert (damaged.phase, well.phase) == ("failed", "new")
    assert name in damaged.message


def test_lines_of_another_program_in_a_jobs_status_are_passed_over(job):
    with Worker(job.path) as worker:
        worker.say("one")
    with job.status.open("ab") as file:
        file.write(b'{"time": 1}\n{"phase": 3}\n[]\n\xff\n')
    write_json(job.worker, ProcessId(this_process().pid, 0.0).as_dict())     # which has ended
    assert [record["phase"] for record in watch(job.path)] == ["one"]
    assert "after one" in state_of(job.path).message


@pytest.mark.parametrize(("error", "code", "said"), [
    (InputError("bad file"), 2, "bad file"), (MemoryError(), 1, "memory"),
    (ZeroDivisionError("odd"), 1, "ZeroDivisionError: odd")])
def test_a_failure_becomes_a_result_with_its_reason(job, error, code, said, capsys):
    def work(worker):
        raise error

    with Worker(job.path) as worker:
        assert worker.perform(work) == code
    state = state_of(job.path)
    assert state.phase == "failed"
    assert said in state.message
    assert said in capsys.readouterr().err


def test_jobs_are_found_below_a_folder_and_other_folders_are_refused(job, tmp_path):
    (tmp_path / "something else").mkdir()
    assert [s.path for s in jobs_below(tmp_path)] == [job.path]
    assert jobs_below(tmp_path)[0].phase == "new"
    with pytest.raises(InputError, match="not a job folder"):
        state_of(tmp_path / "something else")
    with pytest.raises(InputError, match="holds a job already"):
        job.create({})
