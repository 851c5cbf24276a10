"""``xvrcore jobs``: list, watch, stop and resume work in the background."""

import importlib
import json
import os
import sys
from pathlib import Path

from xvrcore.cli.progress import JobBar
from xvrcore.errors import InputError
from xvrcore.jobs import Helper, JobState, Worker, jobs_below, launch, state_of, stop, watch
from xvrcore.threads import prepare_threads

KINDS = {"finetune": "xvrcore.cli.finetune", "pretrain": "xvrcore.cli.pretrain"}
"""For each kind of job, the module whose ``work(worker)`` does it."""
EXIT_CODES = {"failed": 1, "died": 1}


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    for name, text in (("list", "how the job in a folder, or each job in the folders within it, stands"),
                       ("watch", "show a job's progress until it ends"),
                       ("stop", "ask a job to save and end; end it by force if it does not"),
                       ("resume", "go on with a job that was stopped or died"),
                       ("work", "be a job's worker; resume starts one in the background")):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("folder", type=Path, metavar="DIR")
        if name == "list":
            action.add_argument("--json", action="store_true", help="print one JSON object")


def run(options) -> int:
    return {"list": _list, "watch": _watch, "stop": _stop, "resume": _resume, "work": _work}[options.action](options)


def follow_job(folder: Path) -> int:
    """Show a job's progress until it ends; the exit code. Ctrl-C leaves the job alone."""
    try:
        with JobBar(folder.name) as bar:
            for record in watch(folder):
                bar.show(record)
    except KeyboardInterrupt:
        print(f"{folder} goes on in the background; see it with: xvrcore jobs watch {folder}", file=sys.stderr)
        raise
    state = state_of(folder)
    print(_line(state))
    return EXIT_CODES.get(state.phase, 0)


def _list(options) -> int:
    states = jobs_below(options.folder)
    if options.json:
        print(json.dumps({"jobs": [{"path": str(s.path), "phase": s.phase, "message": s.message, "last": s.last,
                                    "result": s.result} for s in states]}, indent=1))
    else:
        print("\n".join(map(_line, states)) or f"{options.folder} holds no jobs.")
    return 0


def _watch(options) -> int:
    state_of(options.folder)
    return follow_job(options.folder)


def _stop(options) -> int:
    print(_line(stop(options.folder)))
    return 0


def _resume(options) -> int:
    state = state_of(options.folder)
    if state.phase == "finished":
        raise InputError(f"{options.folder} is finished; begin a new job to train further.")
    launch(options.folder)
    print(f"{options.folder} goes on; see it with: xvrcore jobs watch {options.folder}")
    return 0


def _work(options) -> int:
    return work_in(options.folder)


def work_in(folder: Path) -> int:
    """Be a job's worker. Claims the folder before importing what the work needs, so that a watcher sees it at once.

    Of processes that torchrun starts, the leader is the worker and the others help it.
    """
    with (Worker if os.environ.get("RANK", "0") == "0" else Helper)(folder) as worker:
        kind = worker.config.get("kind")
        if kind not in KINDS:
            raise InputError(f"{folder} is a job of the unknown kind {kind!r}.")
        worker.say("starting")
        prepare_threads(worker.config.get("threads"))
        return worker.perform(lambda worker: importlib.import_module(KINDS[kind]).work(worker))


def _line(state: JobState) -> str:
    at = state.last.get("iteration")
    return f"{state.path}: {state.phase}" + (f" at {at}" if at is not None else "") + \
        (f"; {state.message}" if state.message else "")
