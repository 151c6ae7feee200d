import {
  type ListingRequest,
  type OrderIntent,
  type PaperBehaviour,
  PutPaperMarket,
  type PutPaperMarketResult,
  SetPaperBehaviour,
  SettlePaperMarket,
  type Side,
  TradeByOthers,
} from '@interlock/venues';
import { newId } from '@interlock/persistence';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';

export type Levels = readonly (readonly [price: string, quantity: string])[];

export const CALM: PaperBehaviour = { latencyMs: 0, acknowledgement: 'normal', rejectRate: 0, mode: 'open', seed: 0 };

/** A market of the paper venue with outcomes YES and NO, and its controls. */
export class PaperMarket {
  constructor(
    private readonly module: TestingModule,
    readonly market: string,
  ) {}

  /** Shows these levels of YES and nothing of NO. */
  show(bids: Levels, asks: Levels, rules: Partial<ListingRequest> = {}): Promise<PutPaperMarketResult> {
    const request: ListingRequest = {
      outcomes: ['YES', 'NO'],
      rules: 'free',
      feeRate: '0',
      feeExponent: 1,
      tick: '0.01',
      minQuantity: '1',
      status: 'OPEN',
      closesAt: null,
      books: { YES: { bids, asks } },
      ...rules,
    };
    return this.bus.execute(new PutPaperMarket(this.market, request));
  }

  trade(side: Side, quantity: string, price: string) {
    return this.bus.execute(new TradeByOthers(this.market, { outcome: 'YES', side, price, quantity }));
  }

  settle(yes: string, no: string) {
    return this.bus.execute(new SettlePaperMarket(this.market, { YES: yes, NO: no }));
  }

  behave(behaviour: Partial<PaperBehaviour>): Promise<PaperBehaviour> {
    return this.bus.execute(new SetPaperBehaviour({ ...CALM, ...behaviour }));
  }

  intent(side: Side, quantity: string, price: string | null, more: Partial<OrderIntent> = {}): OrderIntent {
    return {
      orderId: newId(),
      market: this.market,
      outcome: 'YES',
      side,
      type: 'limit',
      price,
      quantity,
      timeInForce: 'GTC',
      expiresAt: null,
      postOnly: false,
      reduceOnly: false,
      ...more,
    };
  }

  private get bus(): CommandBus {
    return this.module.get(CommandBus);
  }
}
