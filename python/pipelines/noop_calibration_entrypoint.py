"""The canary: a run that goes all the way, places no order, and does nothing."""


def run_calibration(run_id, continue_on_stage_failure=True):
    print("noop calibration of run " + run_id)
    return {"run_id": run_id, "success": True, "stages": [{"name": "noop", "status": "completed"}]}
