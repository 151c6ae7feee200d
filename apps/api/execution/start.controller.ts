import type { Actor } from '@interlock/access';
import { StartExecution, type StartExecutionResult, type StartRequest, stateOf } from '@interlock/execution';
import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiBody, ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid, SOON } from '../http/api-error.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { IDEMPOTENCY_KEY_HEADER, idempotencyKeyOf } from './idempotency-key.js';
import { killSwitchAnswer } from './kill-switch.dto.js';
import { startExamples } from './start.examples.js';
import { StartAnswer, StartBody } from './start.dto.js';

/** Nobody knows when runs end. Soon enough to take a free place, seldom enough to cost little. */
const QUEUE_FULL_RETRY_AFTER_S = '5';

@ApiTags('Execution')
@Controller('api/execution/start')
export class StartController {
  constructor(private readonly commands: CommandBus) {}

  /**
   * Starts a run, unless a kill switch or a guard forbids it. An empty body means all defaults. Send an idempotency key: when an
   * answer is lost, the same start can then be repeated and makes no second run.
   */
  @Post()
  @HttpCode(202)
  @Access('operator')
  @Refusals(
    'KILL_SWITCH_ON',
    'MAX_POSITION_EXCEEDED',
    'RISK_LIMIT_EXCEEDED',
    'ORDER_RATE_LIMIT_EXCEEDED',
    'IDEMPOTENCY_KEY_REUSED',
    'QUEUE_FULL',
    'ENQUEUE_FAILED',
    'OUTCOME_UNKNOWN',
    'RISK_STATE_UNAVAILABLE',
  )
  @ApiHeader(IDEMPOTENCY_KEY_HEADER)
  @ApiBody({ type: StartBody, examples: startExamples.bodies })
  @ApiAcceptedResponse({
    type: StartAnswer,
    description: 'The run is accepted and will reach a final status.',
    example: startExamples.accepted,
  })
  @ApiOkResponse({
    type: StartAnswer,
    description: 'The key was used before: its run, in its present state.',
    example: startExamples.replayed,
  })
  async startRun(
    @Body() body: StartBody,
    @Caller() caller: Actor,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StartAnswer> {
    const idempotencyKey = idempotencyKeyOf(request, body.idempotencyKey);
    const answer = answerTo(await this.commands.execute(new StartExecution(requestOf(body, idempotencyKey), caller)));
    if (answer.replayed) response.status(200);
    return answer;
  }
}

function requestOf(body: StartBody, idempotencyKey: string | undefined): StartRequest {
  const { mode, dryRun, maxPosition, notes, pipeline, strategy, input } = body;
  return {
    mode,
    dryRun,
    maxPosition,
    strategy,
    input,
    ...(notes === undefined ? {} : { notes }),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function answerTo(result: StartExecutionResult): StartAnswer {
  switch (result.kind) {
    case 'accepted': {
      const { runId, jobId, params } = result;
      return { ok: true, runId, jobId, state: 'queued', queue: 'execution_start', params };
    }
    case 'replayed': {
      const { runId, jobId, params, status } = result;
      return { ok: true, runId, jobId, state: stateOf(status), queue: 'execution_start', params, replayed: true };
    }
    case 'key-reused':
      throw new ApiError('IDEMPOTENCY_KEY_REUSED', 'The key belongs to a run with other parameters.', {
        runId: result.runId,
      });
    case 'invalid':
      throw invalid(result.fieldErrors);
    case 'kill-switch': {
      const killSwitch = killSwitchAnswer(result.killSwitch);
      const doing = killSwitch.level === 'reduce' ? 'reducing' : 'halted';
      throw new ApiError('KILL_SWITCH_ON', `Starts are refused: ${killSwitch.scope} is ${doing}.`, { killSwitch });
    }
    case 'refused':
      throw new ApiError(result.refusal.code, result.refusal.message, { details: result.refusal.details });
    case 'queue-full': {
      const message = 'Too many runs wait for a worker already; nothing was started.';
      throw new ApiError('QUEUE_FULL', message, {}, { 'retry-after': QUEUE_FULL_RETRY_AFTER_S });
    }
    case 'enqueue-failed':
      throw new ApiError(
        'ENQUEUE_FAILED',
        'The queue did not take the run; it will never execute.',
        { runId: result.runId },
        SOON,
      );
    case 'outcome-unknown': {
      const message =
        'The database was lost at a moment that leaves open whether the run will execute; ask for it by its id.';
      throw new ApiError('OUTCOME_UNKNOWN', message, { runId: result.runId });
    }
  }
}
