import type { OrderStatus } from '../../libs/orders/src/order.js';
import type { VenueOrderStatus } from '../../libs/venues/src/index.js';
import type { ClusterDatabase } from '../support/cluster-database.js';
import type { OrderWish } from './order-schedule.js';

type SideAndPlace = Pick<OrderWish, 'strategy' | 'market' | 'outcome' | 'side'>;

/** An order as the ledger has it in the end. Amounts are plain decimal text, times milliseconds since 1970. */
export interface OrderRow extends SideAndPlace {
  readonly id: string;
  readonly key: string | null;
  readonly quantity: string;
  readonly price: string | null;
  readonly filled: string;
  readonly status: OrderStatus;
  readonly reason: string | null;
  readonly createdAt: number;
}

/** A change of an order in the ledger, written by a trigger in the transaction that made it. */
export interface OrderChange {
  readonly orderId: string;
  readonly from: OrderStatus | null;
  readonly to: OrderStatus;
  readonly version: number;
  readonly transaction: string;
  /** When the statement was carried out; its commit came later. */
  readonly at: number;
}

/** The same of an order in the venue's records; one from nothing is its arrival. */
export interface VenueOrderChange {
  /** The ledger's, if it has it: what the client's key says. */
  readonly orderId: string;
  readonly from: VenueOrderStatus | null;
  readonly to: VenueOrderStatus;
  readonly at: number;
}

export interface VenueOrderRow {
  readonly orderId: string;
  readonly status: VenueOrderStatus;
  readonly filled: string;
  readonly quantity: string;
  readonly price: string | null;
}

export interface FillRow {
  readonly orderId: string;
  readonly tradeId: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly liquidity: string;
}

/** What a strategy holds at risk in mode paper, after a change. */
export interface ExposureChange {
  readonly strategy: string;
  /** Cost of what is held and of working buys. */
  readonly value: number;
  readonly orders: number;
}

/** Shares of one outcome that a strategy holds, and that its working sales promise, after a change. */
export interface HoldingChange {
  readonly strategy: string;
  readonly market: string;
  readonly outcome: string;
  readonly held: number;
  readonly promised: number;
}

/** Which process looks after the venue's account from then on. */
export interface DeskChange {
  readonly pid: number;
  readonly at: number;
}

/** Whether orders were admitted by what the desk told of the venue, from then on. */
export interface ConditionChange {
  readonly admits: boolean;
  readonly at: number;
}

export interface Books {
  readonly cash: string;
  readonly reserved: string;
  /** What is held, by `market outcome`. */
  readonly positions: Readonly<Record<string, string>>;
}

/** What the database holds of orders when all is over. */
export interface OrderEvidence {
  readonly orders: ReadonlyMap<string, OrderRow>;
  /** By order, in order. */
  readonly orderChanges: ReadonlyMap<string, OrderChange[]>;
  readonly venueOrders: ReadonlyMap<string, VenueOrderRow>;
  readonly venueChanges: ReadonlyMap<string, VenueOrderChange[]>;
  readonly exposures: readonly ExposureChange[];
  readonly holdings: readonly HoldingChange[];
  readonly desks: readonly DeskChange[];
  readonly conditions: readonly ConditionChange[];
  readonly ledgerFills: readonly FillRow[];
  readonly venueFills: readonly FillRow[];
  readonly ledgerBooks: Books;
  readonly venueBooks: Books;
  readonly orderEvents: readonly {
    event: string;
    orderId: string | null;
    actor: string | null;
    reason: string | null;
  }[];
}

const MILLISECONDS = (column: string) => `extract(epoch FROM ${column})::float8 * 1000`;
const PLAIN = (column: string) => `trim_scale(${column})::text`;

/** What nobody outside a transaction can see is left out: a row that changes in several steps. */
const LAST_IN_TRANSACTION = (table: string, key: string) =>
  `SELECT *, seq = max(seq) OVER (PARTITION BY transaction, ${key}) AS is_last FROM ${table}`;

/** The tables and triggers by which the suite sees what happens to orders, in the ledger and at the venue. */
export const ORDER_TRIGGERS = `
  CREATE TABLE chaos_orders (seq bigint GENERATED ALWAYS AS IDENTITY, order_id uuid, old_status text, new_status text, version integer,
                             transaction xid8 DEFAULT pg_current_xact_id(), at timestamptz DEFAULT clock_timestamp());
  CREATE TABLE chaos_venue_orders (seq bigint GENERATED ALWAYS AS IDENTITY, client_key text, old_status text, new_status text,
                                   at timestamptz DEFAULT clock_timestamp());
  CREATE TABLE chaos_exposures (seq bigint GENERATED ALWAYS AS IDENTITY, mode text, strategy text, value numeric, orders integer,
                                transaction xid8 DEFAULT pg_current_xact_id());
  CREATE TABLE chaos_holdings (seq bigint GENERATED ALWAYS AS IDENTITY, strategy text, market text, outcome text, held numeric,
                               promised numeric, transaction xid8 DEFAULT pg_current_xact_id());
  CREATE TABLE chaos_conditions (seq bigint GENERATED ALWAYS AS IDENTITY, admits boolean, at timestamptz DEFAULT clock_timestamp());
  CREATE TABLE chaos_desks (seq bigint GENERATED ALWAYS AS IDENTITY, owner text, at timestamptz DEFAULT clock_timestamp());

  CREATE FUNCTION chaos_order_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_orders (order_id, old_status, new_status, version)
      VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status, NEW.version);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos_insert AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION chaos_order_changed();
  CREATE TRIGGER chaos_update AFTER UPDATE ON orders FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.version <> NEW.version) EXECUTE FUNCTION chaos_order_changed();

  CREATE FUNCTION chaos_venue_order_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_venue_orders (client_key, old_status, new_status)
      VALUES (NEW.client_key, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos_insert AFTER INSERT ON paper_orders FOR EACH ROW EXECUTE FUNCTION chaos_venue_order_changed();
  CREATE TRIGGER chaos_update AFTER UPDATE ON paper_orders FOR EACH ROW WHEN (OLD.status <> NEW.status)
    EXECUTE FUNCTION chaos_venue_order_changed();

  CREATE FUNCTION chaos_exposure_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_exposures (mode, strategy, value, orders)
      VALUES (NEW.mode, NEW.strategy, NEW.held_cost + NEW.working_cost, NEW.working_orders);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON exposures FOR EACH ROW EXECUTE FUNCTION chaos_exposure_changed();

  CREATE FUNCTION chaos_holding_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_holdings (strategy, market, outcome, held, promised)
      VALUES (NEW.strategy, NEW.market, NEW.outcome, NEW.quantity, NEW.working_sell);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION chaos_holding_changed();

  CREATE FUNCTION chaos_condition_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_conditions (admits) VALUES (NEW.state IN ('OPEN', 'POST_ONLY') AND NEW.reconciled_at IS NOT NULL);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos AFTER INSERT OR UPDATE ON venue_conditions FOR EACH ROW EXECUTE FUNCTION chaos_condition_changed();

  CREATE FUNCTION chaos_desk_changed() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO chaos_desks (owner) VALUES (NEW.owner);
    RETURN NULL;
  END $$;
  CREATE TRIGGER chaos_insert AFTER INSERT ON venue_desks FOR EACH ROW EXECUTE FUNCTION chaos_desk_changed();
  CREATE TRIGGER chaos_update AFTER UPDATE ON venue_desks FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch)
    EXECUTE FUNCTION chaos_desk_changed();`;

export async function readOrderEvidence(database: ClusterDatabase): Promise<OrderEvidence> {
  const orders = await database.query<OrderRow>(
    `SELECT id, client_order_id AS key, strategy, market, outcome, side, ${PLAIN('quantity')} AS quantity, ${PLAIN('price')} AS price,
            ${PLAIN('filled_quantity')} AS filled, status, reason, ${MILLISECONDS('created_at')} AS "createdAt"
     FROM orders ORDER BY created_at, id`,
  );
  const venueOrders = await database.query<VenueOrderRow>(
    `SELECT client_key AS "orderId", status, ${PLAIN('filled_quantity')} AS filled, ${PLAIN('quantity')} AS quantity,
            ${PLAIN('price')} AS price
     FROM paper_orders`,
  );
  return {
    orders: new Map(orders.map((order) => [order.id, order])),
    orderChanges: byOrder(
      await database.query<OrderChange>(
        `SELECT order_id AS "orderId", old_status AS "from", new_status AS "to", version, transaction::text, ${MILLISECONDS('at')} AS at
         FROM chaos_orders ORDER BY seq`,
      ),
    ),
    venueOrders: new Map(venueOrders.map((order) => [order.orderId, order])),
    venueChanges: byOrder(
      await database.query<VenueOrderChange>(
        `SELECT client_key AS "orderId", old_status AS "from", new_status AS "to", ${MILLISECONDS('at')} AS at
         FROM chaos_venue_orders ORDER BY seq`,
      ),
    ),
    exposures: await database.query(
      `SELECT strategy, value::float8 AS value, orders FROM (${LAST_IN_TRANSACTION('chaos_exposures', 'strategy')}) AS e
       WHERE mode = 'paper' AND is_last ORDER BY seq`,
    ),
    holdings: await database.query(
      `SELECT strategy, market, outcome, held::float8 AS held, promised::float8 AS promised
       FROM (${LAST_IN_TRANSACTION('chaos_holdings', 'strategy, market, outcome')}) AS h WHERE is_last ORDER BY seq`,
    ),
    desks: await database.query(
      `SELECT split_part(owner, ':', -1)::int AS pid, ${MILLISECONDS('at')} AS at FROM chaos_desks ORDER BY seq`,
    ),
    conditions: await database.query(`SELECT admits, ${MILLISECONDS('at')} AS at FROM chaos_conditions ORDER BY seq`),
    ...(await readBooks(database)),
    orderEvents: await database.query(
      `SELECT event, details->>'orderId' AS "orderId", actor, reason FROM ops_events ORDER BY id`,
    ),
  };
}

async function readBooks(
  database: ClusterDatabase,
): Promise<Pick<OrderEvidence, 'ledgerFills' | 'venueFills' | 'ledgerBooks' | 'venueBooks'>> {
  const amounts = `${PLAIN('f.price')} AS price, ${PLAIN('f.quantity')} AS quantity, ${PLAIN('f.fee')} AS fee, f.liquidity`;
  return {
    ledgerFills: await database.query(
      `SELECT order_id AS "orderId", venue_trade_id AS "tradeId", ${amounts} FROM fills AS f WHERE order_id IS NOT NULL`,
    ),
    venueFills: await database.query(
      `SELECT o.client_key AS "orderId", f.trade_id::text AS "tradeId", ${amounts}
       FROM paper_fills AS f JOIN paper_orders AS o ON o.id = f.order_id`,
    ),
    ledgerBooks: await oneBooks(
      database,
      'accounts',
      `(SELECT market, outcome, sum(quantity) AS quantity FROM positions GROUP BY market, outcome) AS p`,
    ),
    venueBooks: await oneBooks(database, 'paper_accounts', 'paper_positions'),
  };
}

async function oneBooks(database: ClusterDatabase, accounts: string, positions: string): Promise<Books> {
  const [books] = await database.query<{ cash: string; reserved: string; positions: Record<string, string> | null }>(
    `SELECT ${PLAIN('cash')} AS cash, ${PLAIN('reserved')} AS reserved,
            (SELECT jsonb_object_agg(market || ' ' || outcome, ${PLAIN('quantity')}) FROM ${positions} WHERE quantity > 0) AS positions
     FROM ${accounts} WHERE account = 'default'`,
  );
  return { cash: books?.cash ?? '0', reserved: books?.reserved ?? '0', positions: books?.positions ?? {} };
}

function byOrder<T extends { orderId: string }>(rows: readonly T[]): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const row of rows) grouped.set(row.orderId, [...(grouped.get(row.orderId) ?? []), row]);
  return grouped;
}
