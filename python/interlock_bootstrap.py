"""Runs a calibration entrypoint under Interlock. Python 3.8 or later, nothing but the standard library.

Started by a worker as `interlock_bootstrap.py SECONDS MODULE...`: the first of the modules that exists is imported, and its
`run_calibration` or `run_daily_job` is called. What comes of it goes to descriptor 3, one JSON object per line, so that prints cannot
disturb it. Descriptor 4 is a pipe that only the worker holds: when it closes, the worker is gone, and when nothing comes through it for
so many seconds, the worker is frozen and its run may be another's by now.

The process that the worker starts stays free of the entrypoint's code. It leads the process group, waits for the child that does the
work, and ends the whole group when the worker is gone, which a busy interpreter could not do from a thread of its own.
"""

import importlib
import inspect
import json
import os
import select
import signal
import sys
import threading
import time
import traceback

RESULT_DESCRIPTOR = 3
WORKER_DESCRIPTOR = 4
FUNCTIONS = ("run_calibration", "run_daily_job")
LONGEST_REASON = 2000
PROGRESS_INTERVAL_S = 0.2

_sending = threading.Lock()
_progress_sent_at = {}


def interlock_report(stage, status="running", done=None, total=None, unit=None):
    """Shows a stage while the entrypoint runs: `running`, `completed`, `failed` or `skipped`, and how far it has come.

    Outside of Interlock it does nothing, and it never raises: showing how far the work has come must not end it.
    """
    if "INTERLOCK_RUN_ID" not in os.environ:
        return
    try:
        message = {"type": "stage", "name": str(stage), "status": str(status)}
        if done is not None:
            # A loop may tell every step: what comes too often is left out here, where it costs nothing.
            now = time.monotonic()
            if status == "running" and now - _progress_sent_at.get(message["name"], -PROGRESS_INTERVAL_S) < PROGRESS_INTERVAL_S:
                return
            _progress_sent_at[message["name"]] = now
            message["progress"] = {"done": done, "total": total, "unit": unit}
        _send(message)
    except Exception:
        pass


def _send(message):
    # What JSON does not know, a date for instance, is sent as its text.
    line = memoryview(json.dumps(message, allow_nan=False, default=str).encode("ascii") + b"\n")
    with _sending:
        while line:
            line = line[os.write(RESULT_DESCRIPTOR, line) :]


def main(silence_s, modules):
    # Under Interlock this file's own folder must not hide the packages of the repository that is run.
    sys.path.pop(0)
    child = os.fork()
    if child == 0:
        os.close(WORKER_DESCRIPTOR)
        _work(modules)
    else:
        os.close(RESULT_DESCRIPTOR)
        _watch(child, silence_s)


def _watch(child, silence_s):
    """Waits for the child and ends as it did; ends the group when Interlock's worker is gone or silent."""
    wakeup, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # The group is told to end as a whole; how the child takes it is what counts.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    deadline = time.monotonic() + silence_s
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == child:
            _end_as(status)
        ready, _, _ = select.select([wakeup, WORKER_DESCRIPTOR], [], [], max(0, deadline - time.monotonic()))
        if wakeup in ready:
            os.read(wakeup, 512)
        if WORKER_DESCRIPTOR in ready and os.read(WORKER_DESCRIPTOR, 512):
            deadline = time.monotonic() + silence_s
        elif WORKER_DESCRIPTOR in ready or time.monotonic() >= deadline:
            os.killpg(os.getpgrp(), signal.SIGKILL)


def _end_as(status):
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _work(modules):
    # Lets an entrypoint import `interlock_report` from here.
    sys.modules["interlock_bootstrap"] = sys.modules[__name__]
    try:
        function = _find(modules)
        if function is None:
            return
        result = function(**_arguments(function))
    except Exception as error:
        traceback.print_exc()
        _send({"type": "raised", "reason": _describe(error)})
    else:
        _send_result(result)


def _find(modules):
    """The entrypoint's function; None when there is none, which was then told."""
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if name == missing or name.startswith(missing + "."):
                continue
            traceback.print_exc()
            _send({"type": "missing", "what": "dependency", "module": name, "name": missing})
            return None
        for function in FUNCTIONS:
            if callable(getattr(module, function, None)):
                return getattr(module, function)
        _send({"type": "missing", "what": "function", "module": name})
        return None
    _send({"type": "missing", "what": "module"})
    return None


def _arguments(function):
    """Those of our arguments that the function takes."""
    arguments = {"run_id": os.environ["INTERLOCK_RUN_ID"], "continue_on_stage_failure": True}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return arguments
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return arguments
    return {name: value for name, value in arguments.items() if name in parameters}


def _send_result(result):
    if not isinstance(result, dict):
        _send({"type": "raised", "reason": "it returned " + type(result).__name__ + " instead of a dict"})
        return
    # Only what Interlock reads: a result may carry anything else, also what JSON does not know.
    message = {"type": "result", "success": result.get("success") is True}
    for name in ("stages", "failure", "report"):
        if result.get(name) is not None:
            message[name] = result[name]
    try:
        _send(message)
    except (TypeError, ValueError, RecursionError) as error:
        _send({"type": "raised", "reason": "its result cannot be written as JSON: " + _describe(error)})


def _describe(error):
    try:
        text = str(error)
    except Exception:
        text = ""
    name = type(error).__name__
    return (name + ": " + text if text else name)[:LONGEST_REASON]


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
