import { OpsEvents } from '@interlock/ops-events';
import type { Transaction } from '@interlock/persistence';
import type { SubmitResult } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { type AccountKey, Ledger } from '../ledger/ledger.js';
import { orderUnknown } from './order-events.js';
import { VenueReports } from './venue-reports.js';
import type { OrderToSend } from './waiting-orders.js';

/** Why an order was never sent, as its reason is shown. */
export const KILL_SWITCH_REASON = 'KILL_SWITCH';

/** What became of an order that was taken for sending. HALTED: a switch was turned on, and not a byte has left. */
export type SendResult = SubmitResult | { readonly kind: 'HALTED' };

/** What a venue has answered to an order, or what kept it from being asked. */
export interface Answer {
  readonly order: OrderToSend;
  readonly result: SendResult;
}

/** What venues answer to orders that were sent, as the books take it. */
@Injectable()
export class VenueAnswers {
  constructor(
    private readonly ledger: Ledger,
    private readonly reports: VenueReports,
    private readonly events: OpsEvents,
  ) {}

  /** Part of the transaction that confirms the desk. */
  async store(tx: Transaction, of: AccountKey, { order, result }: Answer): Promise<void> {
    const { orderId } = order.intent;
    switch (result.kind) {
      case 'ACCEPTED':
        await this.reports.record(tx, of, [result.order]);
        return;
      case 'HALTED':
        await this.ledger.changeStatus(tx, [{ orderId, to: 'CANCELED', reason: KILL_SWITCH_REASON }]);
        return;
      case 'REJECTED':
        await this.ledger.changeStatus(tx, [{ orderId, to: 'REJECTED', reason: result.code }]);
        return;
      case 'KILLED': {
        const venueOrderId = result.order?.venueOrderId;
        await this.ledger.changeStatus(tx, [
          { orderId, to: 'CANCELED', reason: result.reason, ...(venueOrderId === undefined ? {} : { venueOrderId }) },
        ]);
        return;
      }
      case 'UNKNOWN': {
        const [changed] = await this.ledger.changeStatus(tx, [{ orderId, to: 'UNKNOWN', reason: 'NO_ANSWER' }]);
        if (changed?.kind === 'changed') await this.events.record(tx, orderUnknown(changed.order, result.message));
      }
    }
  }
}
