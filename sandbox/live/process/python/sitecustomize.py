"""For Python's processes with a clock of their own. libfaketime 0.9.10 takes the moment until which `time.sleep` waits, which is one of the
monotonic clock, for one of the time of day, and the system refuses it. Waiting on nothing for as long is what `time.sleep` did before Python 3.11."""

import select
import time


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = sleep
