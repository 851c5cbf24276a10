"""A worker for tests of the job folder: ``python job_work.py DIR [child]`` works until it is told to stop."""

import subprocess
import sys
import time

from xvrcore.jobs.worker import Worker


def work(worker: Worker) -> dict:
    if "child" in sys.argv:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        worker.say("child", pid=child.pid)
    if "deaf" in sys.argv:
        time.sleep(600)
    count = 0
    while not worker.stop_requested:
        count += 1
        worker.say("counting", iteration=count)
        time.sleep(0.01)
    return {"count": count}


if __name__ == "__main__":
    with Worker(sys.argv[1]) as worker:
        sys.exit(worker.perform(work))
