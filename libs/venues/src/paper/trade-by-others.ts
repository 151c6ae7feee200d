import { amountText } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { DecimalText, Side } from '../port/venue.types.js';
import { isTrading } from './exchange.types.js';
import { PaperRecords } from './paper-records.js';
import { Faults, type FieldErrors } from './requests.js';

export interface TradeRequest {
  readonly outcome: string;
  /** The aggressor's. */
  readonly side: Side;
  readonly price: unknown;
  readonly quantity: unknown;
}

export type TradeByOthersResult =
  /** What of the trade was ours. */
  | { kind: 'traded'; filledQuantity: DecimalText }
  | { kind: 'unknown-market' }
  | { kind: 'invalid'; fieldErrors: FieldErrors }
  /** It is paused, or closed by its status or its time. */
  | { kind: 'market-closed'; status: 'PAUSED' | 'CLOSED' };

/** A trade between others at the paper venue, which fills what of our resting orders it reaches. */
export class TradeByOthers extends Command<TradeByOthersResult> {
  constructor(
    readonly market: string,
    readonly request: TradeRequest,
  ) {
    super();
  }
}

@CommandHandler(TradeByOthers)
export class TradeByOthersHandler implements ICommandHandler<TradeByOthers> {
  constructor(private readonly records: PaperRecords) {}

  async execute({ market: name, request }: TradeByOthers): Promise<TradeByOthersResult> {
    const { outcome: ofOutcome, side } = request;
    const faults = new Faults();
    const price = faults.price('price', request.price);
    const quantity = faults.quantity('quantity', request.quantity);
    if (faults.any) return { kind: 'invalid', fieldErrors: faults.fieldErrors };
    const scope = { markets: [name], orders: { market: name, outcome: ofOutcome } };
    return this.records.change<TradeByOthersResult>(scope, (exchange) => {
      const market = exchange.state.markets.get(name);
      if (market === undefined) return { kind: 'unknown-market' };
      const outcome = market.outcomes.get(ofOutcome);
      if (outcome === undefined) return { kind: 'invalid', fieldErrors: { outcome: ['is no outcome of the market'] } };
      if (!isTrading(market.rules, exchange.now)) {
        return { kind: 'market-closed', status: market.rules.status === 'PAUSED' ? 'PAUSED' : 'CLOSED' };
      }
      return { kind: 'traded', filledQuantity: amountText(exchange.trade(market, outcome, { side, price, quantity })) };
    });
  }
}
