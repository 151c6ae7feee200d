import {
  type FillFilter,
  type Finality,
  GetPnl,
  ListFills,
  ListPositions,
  type PositionFilter,
} from '@interlock/orders';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { invalid } from '../http/api-error.js';
import { limitOf, listAnswer, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { cursorOfPosition, positionOfCursor } from './position-cursor.js';
import { FillsAnswer, FillsQuery } from './fills.dto.js';
import { PnlAnswer, PnlQuery } from './pnl.dto.js';
import { PositionsAnswer, PositionsQuery } from './positions.dto.js';
import { positionsExamples } from './orders.examples.js';

/** What the books say. */
@ApiTags('Positions')
@Controller('api')
export class PositionsController {
  constructor(private readonly queries: QueryBus) {}

  /** Fills and settlements, newest first. */
  @Get('fills')
  @Access('observer')
  @ApiOkResponse({ type: FillsAnswer, description: 'A page of fills.', example: positionsExamples.fills })
  async listFills(@Query() query: FillsQuery): Promise<FillsAnswer> {
    const { limit, before } = pageOf(query);
    return listAnswer(await this.queries.execute(new ListFills(fillsWanted(query), limit, before)));
  }

  /** What is held, at cost and at the best bid. Flat positions are left out unless asked for. */
  @Get('positions')
  @Access('observer')
  @ApiOkResponse({ type: PositionsAnswer, description: 'A page of positions.', example: positionsExamples.positions })
  async listPositions(@Query() query: PositionsQuery): Promise<PositionsAnswer> {
    const after = query.cursor === undefined ? undefined : positionOfCursor(query.cursor);
    const wanted = new ListPositions(positionsWanted(query), limitOf(query), after);
    const { items, nextCursor } = await this.queries.execute(wanted);
    return { ok: true, items, nextCursor: nextCursor === null ? null : cursorOfPosition(nextCursor) };
  }

  /**
   * Profit and loss: realised of these days, unrealised of what is held now. Days are those of the risk guards, in the time zone of
   * `RISK_DAY_TIMEZONE`; a result counts on the day it was booked. Totals are of exactly these days.
   */
  @Get('pnl')
  @Access('observer')
  @Refusals('RISK_STATE_UNAVAILABLE')
  @ApiOkResponse({ type: PnlAnswer, description: 'Profit and loss.', example: positionsExamples.pnl })
  async getPnl(@Query() { from, to, strategy, mode }: PnlQuery): Promise<PnlAnswer> {
    const result = await this.queries.execute(
      new GetPnl({
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(strategy === undefined ? {} : { strategy }),
        ...(mode === undefined ? {} : { mode }),
      }),
    );
    if (result.kind === 'invalid') throw invalid(result.fieldErrors);
    return { ok: true, ...result.pnl };
  }
}

function fillsWanted({ strategy, venue, market, status, orderId, runId }: FillsQuery): FillFilter {
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(venue === undefined ? {} : { venue }),
    ...(market === undefined ? {} : { market }),
    ...(status === undefined ? {} : { finalities: status.split(',') as Finality[] }),
    ...(orderId === undefined ? {} : { orderId }),
    ...(runId === undefined ? {} : { runId }),
  };
}

function positionsWanted({ strategy, venue, market, flat }: PositionsQuery): PositionFilter {
  return {
    flat: flat === 'true',
    ...(strategy === undefined ? {} : { strategy }),
    ...(venue === undefined ? {} : { venue }),
    ...(market === undefined ? {} : { market }),
  };
}
