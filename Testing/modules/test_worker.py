"""The worker's thread: closing does not wait for it, and nothing comes of it afterwards."""

import threading

import pytest
from slicerhost import testing as user

LONG_S = 30


@pytest.mark.parametrize("kind", ["job", "request"])
def test_closing_waits_for_no_long_step_and_drops_its_result(host, kind):
    from XVRCommonLib.worker import Worker

    began, go, ended, told = threading.Event(), threading.Event(), threading.Event(), []

    def step():
        began.set()
        go.wait(LONG_S)
        ended.set()

    def steps():
        yield step()

    closed, later = Worker("closed"), Worker("later")
    if kind == "job":
        closed.run(steps(), told.append, lambda *end: told.append(end))
    else:
        closed.request("key", step, lambda *end: told.append(end))
    assert began.wait(LONG_S)
    closed.close()
    assert not ended.is_set()
    later.request("key", ended.is_set, lambda result, error: told.append(("later, after it", result)))
    go.set()
    user.wait_until(lambda: told, LONG_S, "the next worker works")
    later.close()
    assert told == [("later, after it", True)]


def test_closing_ends_a_job_between_its_steps(host):
    from XVRCommonLib.worker import Worker

    closed, seen = threading.Event(), []

    def steps():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    worker = Worker("closed")
    worker.run(steps(), seen.append, lambda *end: seen.append(end))
    user.wait_until(lambda: seen, LONG_S, "it runs")
    worker.close()
    assert closed.wait(LONG_S)
    assert set(seen) == {1}
