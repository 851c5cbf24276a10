"""Waiting for something to happen while the event loop runs."""

import time

import slicer

from ..faults import ledger


def wait_until(condition, timeout_s=10.0, what="the condition"):
    """Process events until `condition()` is true and return its value; AssertionError after `timeout_s` seconds."""
    end = time.monotonic() + timeout_s
    while True:
        slicer.app.processEvents()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            faults = "\n".join(map(str, ledger.faults))
            raise AssertionError(f"{what} did not come true in {timeout_s} s; faults meanwhile: {faults or 'none'}")
        time.sleep(0.002)
