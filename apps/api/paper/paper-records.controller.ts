import {
  GetPaperAccount,
  ListPaperFills,
  ListPaperOrders,
  SetPaperBehaviour,
  TransferPaperCash,
} from '@interlock/venues';
import { Body, Controller, Get, HttpCode, Post, Put, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { ApiError } from '../http/api-error.js';
import { signedAmountOf } from '../http/constraints.js';
import { listAnswer, PageQuery, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { PaperBehaviourBody, PaperOrdersQuery, PaperTransferBody } from './paper-bodies.dto.js';
import {
  PaperAccountAnswer,
  PaperBehaviourAnswer,
  paperFillBody,
  PaperFillsAnswer,
  paperOrderBody,
  PaperOrdersAnswer,
  PaperTransferAnswer,
} from './paper.dto.js';
import { paperExamples } from './paper.examples.js';

/** The paper venue's own records, which the ledger can be compared with, and how it behaves. */
@ApiTags('Paper venue')
@Controller('api/paper')
export class PaperRecordsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /** Orders as the paper venue has them, newest first. */
  @Get('orders')
  @Access('observer')
  @ApiOkResponse({ type: PaperOrdersAnswer, description: 'A page of orders.', example: paperExamples.orders })
  async listPaperOrders(@Query() query: PaperOrdersQuery): Promise<PaperOrdersAnswer> {
    const { limit, before } = pageOf(query);
    const filter = {
      ...(query.market === undefined ? {} : { market: query.market }),
      ...(query.working === undefined ? {} : { working: query.working === 'true' }),
    };
    const page = await this.queries.execute(new ListPaperOrders(filter, limit, before));
    return listAnswer({ ...page, items: page.items.map(paperOrderBody) });
  }

  /** Fills as the paper venue has them, newest first. */
  @Get('fills')
  @Access('observer')
  @ApiOkResponse({ type: PaperFillsAnswer, description: 'A page of fills.', example: paperExamples.fills })
  async listPaperFills(@Query() query: PageQuery): Promise<PaperFillsAnswer> {
    const { limit, before } = pageOf(query);
    const page = await this.queries.execute(new ListPaperFills(limit, before));
    return listAnswer({ ...page, items: page.items.map(paperFillBody) });
  }

  /** The account as the paper venue has it. It begins with the cash of the setting PAPER_CASH. */
  @Get('account')
  @Access('observer')
  @ApiOkResponse({ type: PaperAccountAnswer, description: 'Cash and positions.', example: paperExamples.account })
  async getPaperAccount(): Promise<PaperAccountAnswer> {
    const { cash, reserved, positions } = await this.queries.execute(new GetPaperAccount());
    return { ok: true, cash, reserved, positions: [...positions] };
  }

  /**
   * Puts cash into the account at the paper venue, or takes it out, as its holder would at a real one. The ledger does not see it until
   * somebody books it (`POST /api/accounts/paper/default/transfers`): the books differ meanwhile, which halts the venue.
   */
  @Post('account/transfers')
  @HttpCode(200)
  @Access('admin')
  @Refusals('INSUFFICIENT_CASH')
  @ApiBody({ type: PaperTransferBody, examples: paperExamples.transferBodies })
  @ApiOkResponse({
    type: PaperTransferAnswer,
    description: 'The cash as it is now.',
    example: paperExamples.transferred,
  })
  async transferPaperCash(@Body() { amount }: PaperTransferBody): Promise<PaperTransferAnswer> {
    const { kind, balances } = await this.commands.execute(new TransferPaperCash(signedAmountOf(amount)));
    if (kind === 'transferred') return { ok: true, cash: balances.cash, reserved: balances.reserved };
    const { cash, reserved } = balances;
    const message = `It would leave ${cash}, less than the ${reserved} that working orders hold there.`;
    const details = { rule: 'cash', scope: 'venue:paper', current: cash, limit: reserved };
    throw new ApiError('INSUFFICIENT_CASH', message, { details });
  }

  /**
   * Makes the paper venue misbehave on purpose, repeatably, until it is told otherwise. Reads and cancels answer whatever becomes of
   * the answers to orders; `down` answers nothing. An empty body makes it behave.
   */
  @Put('behaviour')
  @Access('admin')
  @ApiBody({ type: PaperBehaviourBody, examples: paperExamples.behaviourBodies })
  @ApiOkResponse({ type: PaperBehaviourAnswer, description: 'How it behaves now.', example: paperExamples.behaviour })
  async setPaperBehaviour(@Body() body: PaperBehaviourBody): Promise<PaperBehaviourAnswer> {
    const { latencyMs, acknowledgement, rejectRate, mode, seed } = body;
    const wish = { latencyMs, acknowledgement, rejectRate, mode, seed };
    return { ok: true, behaviour: await this.commands.execute(new SetPaperBehaviour(wish)) };
  }
}
