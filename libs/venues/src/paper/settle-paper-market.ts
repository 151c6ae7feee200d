import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { payoutFaults } from './judge-order.js';
import { type PaperMarketView, paperMarketView } from './paper-market-view.js';
import { PaperRecords } from './paper-records.js';
import { Faults, type FieldErrors, payoutsIn } from './requests.js';

export type SettlePaperMarketResult =
  | { kind: 'settled'; market: PaperMarketView }
  | { kind: 'unknown-market' }
  | { kind: 'invalid'; fieldErrors: FieldErrors }
  /** It was settled before. */
  | { kind: 'market-closed' };

/** Ends a market of the paper venue: cancels what works, pays what is held, closes it for good. `payouts` by outcome. */
export class SettlePaperMarket extends Command<SettlePaperMarketResult> {
  constructor(
    readonly market: string,
    readonly payouts: unknown,
  ) {
    super();
  }
}

@CommandHandler(SettlePaperMarket)
export class SettlePaperMarketHandler implements ICommandHandler<SettlePaperMarket> {
  constructor(private readonly records: PaperRecords) {}

  async execute({ market: name, payouts: given }: SettlePaperMarket): Promise<SettlePaperMarketResult> {
    const faults = new Faults();
    const payouts = payoutsIn(given, faults);
    if (faults.any) return { kind: 'invalid', fieldErrors: faults.fieldErrors };
    return this.records.change<SettlePaperMarketResult>({ markets: [name], orders: { market: name } }, (exchange) => {
      const market = exchange.state.markets.get(name);
      if (market === undefined) return { kind: 'unknown-market' };
      if (market.settledAt !== null) return { kind: 'market-closed' };
      const wrong = payoutFaults(market.outcomes.keys(), payouts);
      if (wrong.length > 0) return { kind: 'invalid', fieldErrors: { payouts: wrong } };
      exchange.settle(market, payouts);
      return { kind: 'settled', market: paperMarketView(market) };
    });
  }
}
