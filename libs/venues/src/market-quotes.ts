import { Injectable } from '@nestjs/common';
import type { Transaction } from '@interlock/persistence';
import type { DecimalText, FeeSchedule, MarketStatus } from './port/venue.types.js';

/** One outcome of one market. */
export interface QuoteKey {
  readonly venue: string;
  readonly market: string;
  readonly outcome: string;
}

/** What guards need to know of an outcome. A side without offers has null for price and quantity. */
export interface MarketQuote extends QuoteKey {
  readonly bestBid: DecimalText | null;
  readonly bestBidQuantity: DecimalText | null;
  readonly bestAsk: DecimalText | null;
  readonly bestAskQuantity: DecimalText | null;
  readonly tick: DecimalText;
  readonly minimumQuantity: DecimalText;
  readonly status: MarketStatus;
  readonly closesAt: Date | null;
  readonly fees: FeeSchedule;
}

/** A quote with its times as the database's clock sees them, since the readers' clocks may be wrong. */
export interface StoredMarketQuote extends MarketQuote {
  readonly updatedAt: Date;
  /** Milliseconds since `updatedAt`. */
  readonly ageMs: number;
  /** Milliseconds until `closesAt`, negative once it is past; null where there is none. */
  readonly closesInMs: number | null;
}

type QuoteRecord = Omit<StoredMarketQuote, 'fees'> & FeeSchedule;

/** Table `market_quotes`: the latest of every outcome that a configured venue trades. */
@Injectable()
export class MarketQuotes {
  /** Those of the wanted quotes that there are, in one query and in no order; each once. */
  async read(tx: Transaction, keys: readonly QuoteKey[]): Promise<StoredMarketQuote[]> {
    if (keys.length === 0) return [];
    const records = await tx.query<QuoteRecord[]>(READ, [
      keys.map(({ venue }) => venue),
      keys.map(({ market }) => market),
      keys.map(({ outcome }) => outcome),
    ]);
    return records.map(({ rules, feeRate, feeExponent, ...quote }) => ({
      ...quote,
      fees: { rules, feeRate, feeExponent },
    }));
  }

  /**
   * Stores what a venue shows now, in the transaction that changes the book where there is one. Each outcome at most once.
   * @param isNews false for what only follows from our own trades: the age of what others offer stays as it was
   */
  async store(tx: Transaction, quotes: readonly MarketQuote[], isNews = true): Promise<void> {
    if (quotes.length === 0) return;
    await tx.query(STORE, [JSON.stringify(quotes.map(({ fees, ...quote }) => ({ ...quote, ...fees }))), isNews]);
  }
}

const READ = `
  WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at)
  SELECT q.venue, q.market, q.outcome,
    trim_scale(best_bid)::text AS "bestBid", trim_scale(best_bid_quantity)::text AS "bestBidQuantity",
    trim_scale(best_ask)::text AS "bestAsk", trim_scale(best_ask_quantity)::text AS "bestAskQuantity",
    trim_scale(tick)::text AS tick, trim_scale(minimum_quantity)::text AS "minimumQuantity",
    status, closes_at AS "closesAt", rules, trim_scale(fee_rate)::text AS "feeRate",
    fee_exponent::double precision AS "feeExponent", updated_at AS "updatedAt",
    extract(epoch FROM now.at - updated_at)::double precision * 1000 AS "ageMs",
    extract(epoch FROM closes_at - now.at)::double precision * 1000 AS "closesInMs"
  FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[]) AS keys (venue, market, outcome)) AS wanted
  JOIN market_quotes AS q USING (venue, market, outcome) CROSS JOIN now`;

// Sorted, so that two writers of the same outcomes never wait for each other in a circle.
const STORE = `
  INSERT INTO market_quotes AS q (venue, market, outcome, best_bid, best_bid_quantity, best_ask, best_ask_quantity, tick,
                                  minimum_quantity, status, closes_at, rules, fee_rate, fee_exponent, last_bid, updated_at)
  SELECT venue, market, outcome, "bestBid", "bestBidQuantity", "bestAsk", "bestAskQuantity", tick,
         "minimumQuantity", status, "closesAt", rules, "feeRate", "feeExponent", "bestBid", clock_timestamp()
  FROM jsonb_to_recordset($1::jsonb) AS given (
    venue text, market text, outcome text, "bestBid" numeric, "bestBidQuantity" numeric, "bestAsk" numeric,
    "bestAskQuantity" numeric, tick numeric, "minimumQuantity" numeric, status text, "closesAt" timestamptz,
    rules text, "feeRate" numeric, "feeExponent" numeric)
  ORDER BY venue, market, outcome
  ON CONFLICT (venue, market, outcome) DO UPDATE SET
    best_bid = excluded.best_bid, best_bid_quantity = excluded.best_bid_quantity,
    best_ask = excluded.best_ask, best_ask_quantity = excluded.best_ask_quantity,
    tick = excluded.tick, minimum_quantity = excluded.minimum_quantity, status = excluded.status,
    closes_at = excluded.closes_at, rules = excluded.rules, fee_rate = excluded.fee_rate,
    fee_exponent = excluded.fee_exponent, last_bid = coalesce(excluded.best_bid, q.last_bid),
    updated_at = CASE WHEN $2::boolean THEN greatest(q.updated_at, excluded.updated_at) ELSE q.updated_at END`;
