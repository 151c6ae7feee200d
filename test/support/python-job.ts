/**
 * A module `pipelines.daily_job` that does what the start's input asks for, and leaves files behind that begin with `input.name`:
 * how often it was called, and the ids of its processes.
 */
export const PYTHON_JOB = `
import json, os, subprocess, sys, time
from interlock_bootstrap import interlock_report


def run_daily_job(run_id, continue_on_stage_failure=True):
    wish = json.loads(os.environ["INTERLOCK_PARAMS"])["input"]
    with open(wish["name"] + "-calls", "a+") as calls:
        calls.write("called\\n")
        calls.seek(0)
        call = len(calls.readlines())
    print("call", call, "of", wish["name"])
    if wish.get("endless"):
        interlock_report("call-%d" % call)
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        with open("pids-being-written", "w") as pids:
            pids.write("%d %d %d" % (os.getppid(), os.getpid(), helper.pid))
        os.rename("pids-being-written", wish["name"] + "-pids")
        sum(range(10**15))  # holds the interpreter: no thread, and no handler of signals, would ever run
    if wish.get("waits"):
        done = 0
        while not os.path.exists(wish["name"] + "-go"):
            done += 1
            interlock_report("score", done=done, total=1000000, unit="markets")
            time.sleep(0.02)
    if call <= wish.get("failures", 0):
        return {
            "run_id": run_id,
            "success": False,
            "stages": [{"name": "ingest", "status": "failed"}],
            "failure": {"stage": "ingest", "reason": "feed down"},
        }
    return {
        "run_id": run_id,
        "success": True,
        "stages": [{"name": "ingest", "status": "completed"}, {"name": "score", "status": "completed"}],
        **({"report": {"zeta": 0.25, "alpha": sorted(os.environ)}} if wish.get("reports") else {}),
    }
`;
