import type { Actor } from '@interlock/access';
import { StartExecution, type StartExecutionResult } from '@interlock/execution';
import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid } from '../http/api-error.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { killSwitchAnswer } from './kill-switch.dto.js';
import { StartAnswer, StartBody } from './start.dto.js';

@ApiTags('Execution')
@Controller('api/execution/start')
export class StartController {
  constructor(private readonly commands: CommandBus) {}

  /** Starts a run, unless a kill switch or a guard forbids it. */
  @Post()
  @HttpCode(202)
  @Access('operator')
  @Refusals('KILL_SWITCH_ON', 'MAX_POSITION_EXCEEDED', 'ENQUEUE_FAILED', 'OUTCOME_UNKNOWN')
  @ApiAcceptedResponse({ type: StartAnswer, description: 'The run is accepted and will reach a final status.' })
  async start(@Body() body: StartBody, @Caller() caller: Actor, @Req() request: Request): Promise<StartAnswer> {
    refuseIdempotencyKey(request);
    return answerTo(await this.commands.execute(new StartExecution(body, caller)));
  }
}

/** Ignoring the key would start a second run where its sender counts on there being one. */
function refuseIdempotencyKey(request: Request): void {
  if (request.headers['idempotency-key'] !== undefined) throw invalid({ 'idempotency-key': ['is not known here'] });
}

function answerTo(result: StartExecutionResult): StartAnswer {
  switch (result.kind) {
    case 'accepted': {
      const { runId, jobId, params } = result;
      return { ok: true, runId, jobId, state: 'queued', queue: 'execution_start', params };
    }
    case 'invalid':
      throw invalid(result.fieldErrors);
    case 'kill-switch': {
      const killSwitch = killSwitchAnswer(result.killSwitch);
      const doing = killSwitch.level === 'reduce' ? 'reducing' : 'halted';
      throw new ApiError('KILL_SWITCH_ON', `Starts are refused: ${killSwitch.scope} is ${doing}.`, { killSwitch });
    }
    case 'refused':
      throw new ApiError(result.refusal.code, result.refusal.message, { details: result.refusal.details });
    case 'enqueue-failed':
      throw new ApiError('ENQUEUE_FAILED', 'The queue did not take the run; it will never execute.', {
        runId: result.runId,
      });
    case 'outcome-unknown': {
      const message =
        'The database was lost at a moment that leaves open whether the run will execute; ask for it by its id.';
      throw new ApiError('OUTCOME_UNKNOWN', message, { runId: result.runId });
    }
  }
}
