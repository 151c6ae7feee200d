import type { Mode } from '@interlock/kill-switch';
import { amount, amountText, type Transaction, Transactions, ZERO } from '@interlock/persistence';
import { RiskStateUnavailable } from '@interlock/risk-guards';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { unrealizedOf } from './position-view.js';

/** Days that are told when nobody says since when, the last one included. */
const DEFAULT_DAYS = 30;

export interface PnlWish {
  /** The first day, `YYYY-MM-DD` in the time zone of the risk days; 29 days before the last one unless told. */
  readonly from?: string;
  /** The last day; today unless told. */
  readonly to?: string;
  readonly strategy?: string;
  /** Unless told, all modes together. */
  readonly mode?: Mode;
}

/** What was earned and lost. Money as plain decimal text in units of collateral. */
export interface PnlSums {
  /** Of sales and settlements, fees apart. */
  readonly realized: string;
  readonly fees: string;
  /** `realized − fees`. */
  readonly net: string;
}

export interface PnlDay extends PnlSums {
  readonly day: string;
  /** The absolute sum of the negative results booked on that day: what the daily-loss guards compare. */
  readonly loss: string;
}

export interface PnlView extends PnlSums {
  /** In which days are counted. */
  readonly timezone: string;
  readonly from: string;
  readonly to: string;
  /** Null: all modes together. */
  readonly mode: Mode | null;
  /** Of what is held now, at the best bids; null when something held has none. */
  readonly unrealized: string | null;
  /** Those on which something was booked, the first one first. */
  readonly days: PnlDay[];
}

export type GetPnlResult =
  | { readonly kind: 'found'; readonly pnl: PnlView }
  | { readonly kind: 'invalid'; readonly fieldErrors: Record<string, string[]> };

/** Realised profit and loss of these days, and unrealised of now. */
export class GetPnl extends Query<GetPnlResult> {
  constructor(readonly wish: PnlWish) {
    super();
  }
}

@QueryHandler(GetPnl)
export class GetPnlHandler implements IQueryHandler<GetPnl> {
  constructor(private readonly transactions: Transactions) {}

  execute({ wish }: GetPnl): Promise<GetPnlResult> {
    return this.transactions.run(async (tx) => {
      // One snapshot: a sale in between would count as realised and be held at the same time.
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      const period = await readPeriod(tx, wish);
      if (period.from > period.to) {
        return { kind: 'invalid', fieldErrors: { from: [`must not be after the last day, ${period.to}`] } };
      }
      const days = await readDays(tx, wish, period);
      const unrealized = await readUnrealized(tx, wish);
      return { kind: 'found', pnl: { ...period, mode: wish.mode ?? null, ...sumsOf(days), unrealized, days } };
    });
  }
}

type Period = Pick<PnlView, 'timezone' | 'from' | 'to'>;

/** Days are counted as dates, never as spans of 24 hours: where clocks are changed some have 23 or 25. */
async function readPeriod(tx: Transaction, { from, to }: PnlWish): Promise<Period> {
  const [period] = await tx.query<Period[]>(
    `SELECT timezone, coalesce($1::date, last - ${DEFAULT_DAYS - 1})::text AS "from", last::text AS "to"
     FROM (SELECT timezone, coalesce($2::date, risk_day_of(clock_timestamp())) AS last FROM risk_day) AS days`,
    [from ?? null, to ?? null],
  );
  if (period === undefined) throw new RiskStateUnavailable('the time zone of days');
  return period;
}

async function readDays(tx: Transaction, { strategy, mode }: PnlWish, { from, to }: Period): Promise<PnlDay[]> {
  const rows = await tx.query<{ day: string; realized: string; fees: string; loss: string }[]>(
    `SELECT day::text, sum(realized)::text AS realized, sum(fees)::text AS fees, sum(loss)::text AS loss FROM daily_results
     WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR strategy = $3) AND ($4::text IS NULL OR mode = $4)
     GROUP BY daily_results.day ORDER BY daily_results.day`,
    [from, to, strategy ?? null, mode ?? null],
  );
  return rows.map(({ day, loss, ...row }) => ({ day, ...sumsOf([row]), loss: amountText(amount(loss)) }));
}

function sumsOf(rows: readonly { readonly realized: string; readonly fees: string }[]): PnlSums {
  const realized = rows.reduce((sum, row) => sum.plus(amount(row.realized)), ZERO);
  const fees = rows.reduce((sum, row) => sum.plus(amount(row.fees)), ZERO);
  return { realized: amountText(realized), fees: amountText(fees), net: amountText(realized.minus(fees)) };
}

async function readUnrealized(tx: Transaction, { strategy, mode }: PnlWish): Promise<string | null> {
  const held = await tx.query<{ quantity: string; costBasis: string; mark: string | null }[]>(
    `SELECT quantity::text, cost_basis::text AS "costBasis", q.best_bid::text AS mark
     FROM positions AS p LEFT JOIN market_quotes AS q USING (venue, market, outcome)
     WHERE quantity > 0 AND is_open AND ($1::text IS NULL OR strategy = $1) AND ($2::text IS NULL OR mode = $2)`,
    [strategy ?? null, mode ?? null],
  );
  let sum = ZERO;
  for (const position of held) {
    const unrealized = unrealizedOf(position);
    if (unrealized === null) return null;
    sum = sum.plus(unrealized);
  }
  return amountText(sum);
}
