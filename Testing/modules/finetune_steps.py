"""What a user does with XVRFinetune's panel, and jobs without a worker's process, for several tests."""

from pathlib import Path

from slicerhost import testing as user

from xvrcore.jobs import JobFolder, Worker
from xvrcore.jobs.folder import read_json, write_json

MODULE = Path(__file__).parents[2] / "XVRFinetune" / "XVRFinetune.py"
SHORTLY_S, STARTED_S, TRAINED_S = 60, 300, 600
SMALL = ["--profile", "cpu", "--batch", "4", "--validation-xrays", "1", "--threads", "1"]
"""Options of the command line that make a job small, so that it trains within a test."""


def settle(panel):
    """Wait until nothing is being computed, and the panel shows it."""
    user.wait_until(lambda: panel.worker.idle and not panel._updateTimer.active and not panel.jobStart.doing,
                    STARTED_S, "all is computed")


def type_detector(panel, sdd="1000", spacing="2.2", rows="144", cols="176"):
    for box, text in (("sdd", sdd), ("rowSpacing", spacing), ("rows", rows), ("cols", cols)):
        user.type_text(getattr(panel.ui, f"{box}Box"), text)
        settle(panel)


def choose_inputs(panel, ct, xray):
    """Choose a CT of the scene and drop an X-ray file; wait until views of the range are shown."""
    user.select_node(panel.ui.ctSelector, ct)
    assert user.drop_files(panel.inputsSection.dropArea, xray)
    user.wait_until(lambda: panel.session.picture is not None, SHORTLY_S, "views are drawn")
    settle(panel)


def made_job(folder, records=(), outcome=None, error=None):
    """A job that some worker left: it has said ``records`` and then ended, or is gone without a word."""
    JobFolder(folder).create({"kind": "finetune"})
    with Worker(folder) as worker:
        for record in records:
            worker.say(**record)
        if error is not None:
            worker.perform(_raising(error))
        elif outcome is not None:
            worker.perform(lambda worker: outcome)
        else:
            _forget_the_worker(folder)
    return folder


def _forget_the_worker(folder):
    """As if the worker had been another process, that is gone."""
    record = read_json(folder / "worker.json")
    write_json(folder / "worker.json", {**record, "started": record["started"] - 1000})


def _raising(error):
    def work(worker):
        raise error

    return work


def watched(panel, folder):
    """Click the job's row and wait until it is shown."""
    panel.watch.lookSoon()
    user.wait_until(lambda: folder in [job.path for job in panel.watch.jobs], SHORTLY_S, "the job is listed")
    settle(panel)
    user.click_cell(panel.ui.jobsTable, [job.path for job in panel.watch.jobs].index(folder), 0)
    user.wait_until(lambda: panel.watch.folder == folder and panel.watch.progress.state is not None, SHORTLY_S, "shown")
    settle(panel)
    return panel.watch.progress.state
