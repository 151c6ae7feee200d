"""An entrypoint that works until it is told to end, and notes when that was."""

import os
import signal
import time


def run_daily_job(run_id):
    def note(number, frame):
        with open(run_id + ".signalled", "w") as file:
            file.write(repr(time.time()))
        os._exit(0)

    signal.signal(signal.SIGTERM, note)
    with open(run_id + ".working", "w") as file:
        file.write("yes")
    while True:
        time.sleep(0.01)
