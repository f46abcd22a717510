"""Patches `time.sleep` of Python processes that run with a separate clock. `time.sleep` waits until a time of the monotonic clock, but
libfaketime 0.9.10 treats it as a time of day, and the kernel rejects it. A `select` on no files waits like `time.sleep` before Python 3.11."""

import select
import time


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = sleep
