"""Work in the background that can be watched, stopped and resumed by any process that sees its folder.

A job is a folder, the only thing that worker and watchers share: ``config.json`` (all options, resolved),
``status.jsonl`` (one JSON object a line), ``worker.json`` (process id and start time), ``worker.log``, ``stop``
(a request), whatever the work itself saves, and ``result.json``.
"""

from xvrcore.jobs.control import JobState, jobs_below, launch, state_of, stop, watch, worker_environment
from xvrcore.jobs.folder import JobFolder, StatusReader
from xvrcore.jobs.worker import Helper, Worker

__all__ = ["Helper", "JobFolder", "JobState", "StatusReader", "Worker", "jobs_below", "launch", "state_of", "stop",
           "watch", "worker_environment"]
