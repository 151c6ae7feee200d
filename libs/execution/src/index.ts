export { CancelRun, type CancelRunResult } from './cancel-run.js';
export { CountAbortedRuns } from './count-aborted-runs.js';
export { ExecuteRun, type ExecuteRunResult } from './execute-run.js';
export { ExecutionModule } from './execution.module.js';
export { GetRun } from './get-run.js';
export { GetRunReport, type RunReportResult } from './get-run-report.js';
export { ListRuns, type RunFilter, type RunPage } from './list-runs.js';
export {
  RUN_STATES,
  RUN_STATUSES,
  type RunParams,
  type RunState,
  type RunStatus,
  STAGE_STATUSES,
  type StageStatus,
  stateOf,
  statusesOf,
} from './run.js';
export type { RunView, StageView } from './run-view.js';
export { RunningRuns } from './running-runs.js';
export { StartExecution, type StartExecutionResult, type StartRequest } from './start-execution.js';
export { SweepRuns, type SweepResult } from './sweep-runs.js';
