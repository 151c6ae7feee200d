import {
  ListPaperMarkets,
  type ListingRequest,
  PutPaperMarket,
  SettlePaperMarket,
  TradeByOthers,
} from '@interlock/venues';
import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiOkResponse, ApiParam, ApiTags } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid, notFound } from '../http/api-error.js';
import { listAnswer, PageQuery, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { PaperTradeBody, PutPaperMarketBody, SettlePaperMarketBody } from './paper-bodies.dto.js';
import { PaperMarketAnswer, paperMarketBody, PaperMarketsAnswer, PaperTradeAnswer } from './paper.dto.js';
import { paperExamples } from './paper.examples.js';

const MARKET = {
  name: 'market',
  description: 'Id of the market.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
  example: 'rain-2026-12-01',
} as const;

@ApiTags('Paper venue')
@Controller('api/paper/markets')
export class PaperMarketsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /** Markets of the paper venue, newest first. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: PaperMarketsAnswer, description: 'A page of markets.', example: paperExamples.markets })
  async listPaperMarkets(@Query() query: PageQuery): Promise<PaperMarketsAnswer> {
    const { limit, before } = pageOf(query);
    const page = await this.queries.execute(new ListPaperMarkets(limit, before));
    return listAnswer({ ...page, items: page.items.map(paperMarketBody) });
  }

  /**
   * Makes a market, or replaces its rules and what others offer in it. Levels come in any order, those of one price are added up. Where
   * the new book reaches the price of a resting order of ours, it is filled at its own price, out of that book.
   */
  @Put(':market')
  @Access('operator')
  @Refusals('MARKET_CLOSED')
  @ApiParam(MARKET)
  @ApiBody({ type: PutPaperMarketBody, examples: paperExamples.marketBodies })
  @ApiOkResponse({ type: PaperMarketAnswer, description: 'The market as it is now.', example: paperExamples.listed })
  async putPaperMarket(@Param('market') market: string, @Body() body: PutPaperMarketBody): Promise<PaperMarketAnswer> {
    const result = await this.commands.execute(new PutPaperMarket(market, listingIn(body)));
    switch (result.kind) {
      case 'listed':
        return { ok: true, market: paperMarketBody(result.market) };
      case 'invalid':
        throw invalid(result.fieldErrors);
      case 'market-closed':
        throw marketClosed('The market was settled, which is for good.', market);
    }
  }

  /**
   * Reports a trade between others. It fills what it reaches of our resting orders: those at better prices first and at once, those at
   * its own price when what stood ahead of them is used up. The book of others stays as it was shown.
   */
  @Post(':market/trades')
  @HttpCode(200)
  @Access('operator')
  @Refusals('MARKET_CLOSED')
  @ApiParam(MARKET)
  @ApiBody({ type: PaperTradeBody, examples: paperExamples.tradeBodies })
  @ApiOkResponse({ type: PaperTradeAnswer, description: 'What of it was ours.', example: paperExamples.traded })
  async tradeByOthers(@Param('market') market: string, @Body() body: PaperTradeBody): Promise<PaperTradeAnswer> {
    const result = await this.commands.execute(new TradeByOthers(market, body));
    switch (result.kind) {
      case 'traded':
        return { ok: true, filledQuantity: result.filledQuantity };
      case 'unknown-market':
        throw unknownMarket();
      case 'invalid':
        throw invalid(result.fieldErrors);
      case 'market-closed':
        throw marketClosed('The market does not trade.', market, result.status);
    }
  }

  /** Settles a market. Its working orders are cancelled, what is held is paid, and it is closed for good. */
  @Post(':market/settle')
  @HttpCode(200)
  @Access('operator')
  @Refusals('MARKET_CLOSED')
  @ApiParam(MARKET)
  @ApiBody({ type: SettlePaperMarketBody, examples: paperExamples.settleBodies })
  @ApiOkResponse({ type: PaperMarketAnswer, description: 'The market as it ended.', example: paperExamples.settled })
  async settlePaperMarket(
    @Param('market') market: string,
    @Body() { payouts }: SettlePaperMarketBody,
  ): Promise<PaperMarketAnswer> {
    const result = await this.commands.execute(new SettlePaperMarket(market, payouts));
    switch (result.kind) {
      case 'settled':
        return { ok: true, market: paperMarketBody(result.market) };
      case 'unknown-market':
        throw unknownMarket();
      case 'invalid':
        throw invalid(result.fieldErrors);
      case 'market-closed':
        throw marketClosed('The market was settled before.', market);
    }
  }
}

function listingIn(body: PutPaperMarketBody): ListingRequest {
  const { outcomes, rules, feeRate, feeExponent, tick, minQuantity, status, closesAt, books } = body;
  const at = closesAt === undefined ? null : new Date(closesAt);
  return { outcomes, rules, feeRate, feeExponent, tick, minQuantity, status, closesAt: at, books };
}

function unknownMarket(): ApiError {
  return notFound('The paper venue has no such market.');
}

function marketClosed(message: string, market: string, current: 'PAUSED' | 'CLOSED' = 'CLOSED'): ApiError {
  const details = { rule: 'marketStatus', scope: `market:${market}`, current, limit: 'OPEN' };
  return new ApiError('MARKET_CLOSED', message, { details });
}
