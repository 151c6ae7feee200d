import type { Actor } from '@interlock/access';
import { BookTransfer, type BookTransferResult, ListAccounts, ListTransfers } from '@interlock/orders';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { IDEMPOTENCY_KEY_HEADER, idempotencyKeyOf } from '../execution/idempotency-key.js';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid, notFound } from '../http/api-error.js';
import { signedAmountOf } from '../http/constraints.js';
import { listAnswer, PageQuery, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { AccountsAnswer, BookedTransferAnswer, BookTransferBody, TransfersAnswer } from './accounts.dto.js';
import { accountsExamples } from './accounts.examples.js';

const VENUE = { name: 'venue', description: 'Name of the venue.', schema: { type: 'string' }, example: 'paper' };
const ACCOUNT = { name: 'account', description: 'Account at it.', schema: { type: 'string' }, example: 'default' };

/** Cash at the venues, by the books. */
@ApiTags('Accounts')
@Controller('api/accounts')
export class AccountsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /** The accounts that the ledger has, with their cash. One appears when a worker has met its venue for the first time. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: AccountsAnswer, description: 'All accounts.', example: accountsExamples.accounts })
  async listAccounts(): Promise<AccountsAnswer> {
    return { ok: true, items: await this.queries.execute(new ListAccounts()) };
  }

  /** Deposits and withdrawals that were booked on an account, newest first. */
  @Get(':venue/:account/transfers')
  @Access('observer')
  @ApiParam(VENUE)
  @ApiParam(ACCOUNT)
  @ApiOkResponse({ type: TransfersAnswer, description: 'A page of transfers.', example: accountsExamples.transfers })
  async listTransfers(
    @Param('venue') venue: string,
    @Param('account') account: string,
    @Query() query: PageQuery,
  ): Promise<TransfersAnswer> {
    const { limit, before } = pageOf(query);
    const page = await this.queries.execute(new ListTransfers({ venue, account }, limit, before));
    if (page === null) throw unknownAccount();
    return listAnswer(page);
  }

  /**
   * Books money that was deposited at a venue, or withdrawn there, so that the books agree with it again. Moves no money itself, and
   * changes neither positions nor orders nor any result. Each transfer needs an idempotency key, such as the venue's own reference of it:
   * what is sent again under the same key is booked once. Works while a kill switch is on, and releases none.
   */
  @Post(':venue/:account/transfers')
  @HttpCode(201)
  @Access('risk-officer')
  @Refusals('INSUFFICIENT_CASH', 'IDEMPOTENCY_KEY_REUSED')
  @ApiParam(VENUE)
  @ApiParam(ACCOUNT)
  @ApiHeader(IDEMPOTENCY_KEY_HEADER)
  @ApiBody({ type: BookTransferBody, examples: accountsExamples.bodies })
  @ApiCreatedResponse({
    type: BookedTransferAnswer,
    description: 'The transfer is booked.',
    example: accountsExamples.booked,
  })
  @ApiOkResponse({
    type: BookedTransferAnswer,
    description: 'The key was used before: its transfer, as it was booked then.',
    example: accountsExamples.replayed,
  })
  async bookTransfer(
    @Param('venue') venue: string,
    @Param('account') account: string,
    @Body() body: BookTransferBody,
    @Caller() caller: Actor,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<BookedTransferAnswer> {
    const idempotencyKey = idempotencyKeyOf(request, body.idempotencyKey);
    if (idempotencyKey === undefined) {
      throw invalid({ idempotencyKey: ['must be given, here or in the header idempotency-key'] });
    }
    const amount = signedAmountOf(body.amount);
    const wish = { venue, account, amount, reason: body.reason, idempotencyKey };
    const answer = answerTo(
      await this.commands.execute(new BookTransfer(wish, { name: caller.name, source: 'api' })),
      wish,
    );
    if (answer.replayed) response.status(200);
    return answer;
  }
}

function answerTo(
  result: BookTransferResult,
  { venue, amount }: { readonly venue: string; readonly amount: string },
): BookedTransferAnswer {
  switch (result.kind) {
    case 'booked':
      return { ok: true, transfer: result.transfer };
    case 'replayed':
      return { ok: true, transfer: result.transfer, replayed: true };
    case 'key-reused': {
      const { transferId } = result;
      const message = 'The key belongs to a transfer of another amount.';
      throw new ApiError('IDEMPOTENCY_KEY_REUSED', message, { transferId });
    }
    case 'not-free': {
      const { cash, reserved } = result;
      const message = `A transfer of ${amount} would leave ${cash}, less than the ${reserved} that working orders reserve.`;
      const details = { rule: 'cash', scope: `venue:${venue}`, current: cash, limit: reserved };
      throw new ApiError('INSUFFICIENT_CASH', message, { details });
    }
    case 'cash-changed':
      throw new Error('no cash was expected');
    case 'unknown-account':
      throw unknownAccount();
  }
}

function unknownAccount(): ApiError {
  return notFound('The ledger has no such account.');
}
