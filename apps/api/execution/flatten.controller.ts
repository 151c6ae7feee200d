import type { Actor } from '@interlock/access';
import { parseScope } from '@interlock/kill-switch';
import { GetFlattenPlan, StartFlatten } from '@interlock/orders';
import { parseAmount } from '@interlock/venues';
import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiBody, ApiOkResponse, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ID } from '../docs/fields.js';
import { Access } from '../http/access.decorator.js';
import { notFound } from '../http/api-error.js';
import { isId } from '../http/constraints.js';
import { Caller } from '../http/request-context.js';
import { FlattenAnswer, FlattenBody } from './flatten.dto.js';

const PLAN = {
  planId: '01a20731-626d-705b-b365-598d0496adc1',
  scope: 'global' as const,
  status: 'RUNNING' as const,
  collar: '0.05',
  failure: null,
  ordersCanceled: 0,
  positionsLeft: 3,
  createdAt: '2026-11-23T06:56:48.971Z',
  finishedAt: null,
};
const STARTED = { ok: true, plan: PLAN } satisfies FlattenAnswer;
const DONE = {
  ok: true,
  plan: { ...PLAN, status: 'DONE', ordersCanceled: 4, positionsLeft: 0, finishedAt: '2026-11-23T06:57:02.114Z' },
} satisfies FlattenAnswer;
const BODIES = {
  'leave one strategy, near the present bid': {
    value: { scope: 'strategy:alpha', collar: '0.05', reason: 'too thin' },
  },
  'leave everything at any price': { value: {} },
};

@ApiTags('Kill switch')
@Controller('api/execution/flatten')
export class FlattenController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  /**
   * Puts the scope's kill switch to `reduce`, also from `halt`, and begins a plan, which a worker carries out: it cancels every order
   * under the scope and sells every position, with reduce-only orders at the best bid and as much as it shows, again and again, until
   * all are flat but for what is less than their markets take. Guards hold as for every order, those on losses apart. The switch
   * stays at `reduce` when the plan has ended; turning it to `halt` pauses the plan, turning it off ends it.
   */
  @Post()
  @HttpCode(202)
  @Access('risk-officer')
  @ApiBody({ type: FlattenBody, examples: BODIES })
  @ApiAcceptedResponse({
    type: FlattenAnswer,
    description: 'The plan is stored and will be carried out.',
    example: STARTED,
  })
  @ApiOkResponse({ type: FlattenAnswer, description: 'A plan of this scope runs already: this one.', example: STARTED })
  async startFlatten(
    @Body() { scope: text, reason, collar }: FlattenBody,
    @Caller() caller: Actor,
    @Res({ passthrough: true }) response: Response,
  ): Promise<FlattenAnswer> {
    const scope = parseScope(text);
    if (scope === null) throw new Error(`a scope passed validation that is none: ${text}`);
    const wish = { scope, reason: reason ?? null, collar: parseAmount(collar)?.toFixed() ?? null };
    const { kind, plan } = await this.commands.execute(new StartFlatten(wish, caller));
    if (kind === 'running') response.status(200);
    return { ok: true, plan };
  }

  /** How far a plan has come. */
  @Get(':id')
  @Access('observer')
  @ApiParam({ name: 'id', description: 'Id of the plan.', schema: ID })
  @ApiOkResponse({ type: FlattenAnswer, description: 'The plan.', example: DONE })
  async getFlattenPlan(@Param('id') planId: string): Promise<FlattenAnswer> {
    const plan = isId(planId) ? await this.queries.execute(new GetFlattenPlan(planId)) : null;
    if (plan === null) throw notFound('There is no plan with this id.');
    return { ok: true, plan };
  }
}
