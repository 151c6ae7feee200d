import { Settings } from '@interlock/config';
import { type KillSwitch, killSwitchOf, type KillSwitchRow, type Mode, type Scope } from '@interlock/kill-switch';
import type { Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { OrderGuards } from './order-guards.js';
import {
  type OrderReading,
  type OrderStateRecord,
  type ReadingWish,
  readingOfOrders,
  readingWish,
} from './order-reading.js';
import { guarded } from './risk-guards.js';
import { RiskStateUnavailable } from './risk-state.js';
import { formatDecimal } from './rules/decimal.js';
import { Limits } from './rules/limits.js';
import type { UnpricedIntent } from './rules/order-intent.js';

/** What a batch of orders is judged by; the locks are held until the transaction ends. */
export interface OpenedOrderAdmission {
  /** Those of the scopes' switches that are on. */
  readonly enabled: KillSwitch[];
  readonly guards: OrderGuards;
}

/** The orders' atomic admission: lock and read in one call, judge, write, all in the caller's transaction (safety.md: K2, G1). */
@Injectable()
export class OrderAdmissions {
  /** As they were read last, and the text they were read from: they say which narrower totals to read with the next batch. */
  private known = { limits: new Limits([]), text: '[]' };

  constructor(private readonly settings: Settings) {}

  /**
   * Locks switches and admissions, and reads what the intents are judged by.
   * @param beforeReadingAgain awaited before a second reading, which sees what this transaction has stored since the first one was sent
   * @throws RiskStateUnavailable when something cannot be read or is no number; a lost database stays a database error
   */
  async open(
    tx: Transaction,
    scopes: readonly Scope[],
    intents: readonly UnpricedIntent[],
    beforeReadingAgain: () => Promise<void> = () => Promise.resolve(),
  ): Promise<OpenedOrderAdmission> {
    const before = this.known;
    const wish = readingWish(intents, before.limits);
    let opened = await this.read(tx, scopes, wish);
    this.known = opened.known;
    if (opened.known.text !== before.text) {
      // Somebody has set a limit since the last batch. Where its total was not read: the locks are held, once more is enough.
      const wishNow = readingWish(intents, opened.known.limits);
      if (JSON.stringify(wishNow.parameters) !== JSON.stringify(wish.parameters)) {
        await beforeReadingAgain();
        opened = await this.read(tx, scopes, wishNow);
      }
    }
    const { enabled, reading } = opened;
    return { enabled, guards: new OrderGuards(reading, this.settings.risk.requiredInLive) };
  }

  /**
   * Keeps orders of the mode from being admitted until the transaction ends, for whoever takes away what they may count on. Before any row
   * lock: admissions lock accounts after it.
   */
  async hold(tx: Transaction, mode: Mode): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('interlock admissions orderRate mode:' || $1, 0))`, [
      mode,
    ]);
  }

  /** Keeps the day's highs where a drawdown is limited. The admitted orders are counted by what stores them. */
  async keepHighs(tx: Transaction, guards: OrderGuards): Promise<void> {
    const highs = guards.highs();
    if (highs.length === 0) return;
    await guarded(
      tx.query(
        `INSERT INTO day_highs AS h (mode, day, strategy, high)
         SELECT mode, day, strategy, round(high, 8)
         FROM jsonb_to_recordset($1::jsonb) AS n(mode text, day date, strategy text, high numeric) ORDER BY 1, 2, 3
         ON CONFLICT (mode, day, strategy) DO UPDATE SET high = greatest(h.high, excluded.high)`,
        [JSON.stringify(highs.map(({ high, ...rest }) => ({ ...rest, high: formatDecimal(high) })))],
      ),
    );
  }

  private async read(
    tx: Transaction,
    scopes: readonly Scope[],
    { places, parameters }: ReadingWish,
  ): Promise<{ enabled: KillSwitch[]; reading: OrderReading; known: { limits: Limits; text: string } }> {
    const [row] = await guarded(
      tx.query<{ opened: { switches: KillSwitchRow[]; state: OrderStateRecord } }[]>(
        'SELECT open_order_admission($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS opened',
        [scopes, ...parameters],
      ),
    );
    if (row === undefined) throw new RiskStateUnavailable('nothing was read');
    const { switches, state } = row.opened;
    const reading = readingOfOrders(state, places);
    const known = { limits: reading.limits, text: JSON.stringify(state.limits) };
    return { enabled: switches.map(killSwitchOf), reading, known };
  }
}
