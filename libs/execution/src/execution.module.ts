import { CalibrationModule } from '@interlock/calibration';
import { Settings } from '@interlock/config';
import { KillSwitchModule } from '@interlock/kill-switch';
import { MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { RiskGuardsModule } from '@interlock/risk-guards';
import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RunClaims } from './claim-run.js';
import { CancelRunHandler } from './cancel-run.js';
import { CancelWatch } from './cancel-watch.js';
import { RunConclusions } from './conclude-run.js';
import { CountAbortedRunsHandler } from './count-aborted-runs.js';
import { ExecuteRunHandler } from './execute-run.js';
import { GetRunHandler } from './get-run.js';
import { GetRunReportHandler } from './get-run-report.js';
import { ListRunsHandler } from './list-runs.js';
import { type Pipeline, PIPELINES } from './pipeline.js';
import { Pipelines } from './pipelines.js';
import { CalibrationPipeline } from './pipelines/calibration.pipeline.js';
import { OrdersPipeline } from './pipelines/orders.pipeline.js';
import { PythonPipeline } from './pipelines/python/python.pipeline.js';
import { WitnessPipeline } from './pipelines/witness.pipeline.js';
import { QueueRoom } from './queue-room.js';
import { RunEntity, RunReportEntity, RunStageEntity } from './run.entity.js';
import { RunEnqueues } from './run-enqueues.js';
import { RunMetrics } from './run-metrics.js';
import { RunOrders } from './run-orders.js';
import { RunStages } from './run-stages.repository.js';
import { RunningRuns } from './running-runs.js';
import { Runs } from './runs.repository.js';
import { StartExecutionHandler } from './start-execution.js';
import { SweepRunsHandler } from './sweep-runs.js';

/** What both sides of a run need. */
const SHARED: Provider[] = [
  RunMetrics,
  Runs,
  CountAbortedRunsHandler,
  CalibrationPipeline,
  PythonPipeline,
  OrdersPipeline,
  WitnessPipeline,
  {
    provide: PIPELINES,
    inject: [Settings, CalibrationPipeline, PythonPipeline, OrdersPipeline, WitnessPipeline],
    useFactory: (
      { witnessPipeline }: Settings,
      calibration: Pipeline,
      python: Pipeline,
      orders: Pipeline,
      witness: Pipeline,
    ) => [calibration, python, orders, ...(witnessPipeline ? [witness] : [])],
  },
  Pipelines,
];

/** Runs. The api starts and shows them, the worker carries them out. */
@Module({})
export class ExecutionModule {
  static forApi(): DynamicModule {
    return moduleWith([
      StartExecutionHandler,
      RunEnqueues,
      QueueRoom,
      CancelRunHandler,
      GetRunHandler,
      ListRunsHandler,
      GetRunReportHandler,
    ]);
  }

  static forWorker(): DynamicModule {
    return {
      ...moduleWith([
        ExecuteRunHandler,
        RunClaims,
        RunConclusions,
        RunStages,
        RunOrders,
        RunningRuns,
        CancelWatch,
        SweepRunsHandler,
      ]),
      exports: [RunningRuns],
    };
  }
}

function moduleWith(providers: Provider[]): DynamicModule {
  return {
    module: ExecutionModule,
    imports: [
      CqrsModule,
      MetricsModule,
      TypeOrmModule.forFeature([RunEntity, RunStageEntity, RunReportEntity]),
      CalibrationModule,
      KillSwitchModule,
      OpsEventsModule,
      RiskGuardsModule,
    ],
    providers: [...SHARED, ...providers],
  };
}
