const STATUSES = ['OPEN', 'PAUSED', 'CLOSED'] as const;

/** Whether a market can be traded, as far as the upstream service says. */
export const MARKET_STATUSES = [...STATUSES, 'UNKNOWN'] as const;
export type MarketStatus = (typeof MARKET_STATUSES)[number];

/** A market as the upstream service describes it. What the service leaves out, or sends in another type, is null. */
export interface Market {
  id: string;
  /** The id where the service names none. */
  symbol: string;
  status: MarketStatus;
  category: string | null;
  liquidityBucket: string | null;
  trustScore: number | null;
  /** ISO 8601, UTC. */
  asOf: string | null;
}

export interface MarketList {
  items: Market[];
  /** Entries that were left out because they have no usable id. */
  skipped: number;
}

/**
 * Reads an answer `{ items: [{ market_id, … }] }` of the upstream service.
 * @returns null when it is no such answer at all
 */
export function readMarkets(body: unknown): MarketList | null {
  const entries = isRecord(body) ? body['items'] : undefined;
  if (!Array.isArray(entries)) return null;
  const items = entries.map(readMarket).filter((market) => market !== null);
  return { items, skipped: entries.length - items.length };
}

/** An id must be a text: a number of more than 15 digits would have been rounded before we see it, and name another market. */
function readMarket(entry: unknown): Market | null {
  if (!isRecord(entry)) return null;
  const id = textOf(entry['market_id']);
  if (id === null) return null;
  const trustScore = entry['trust_score'];
  return {
    id,
    symbol: textOf(entry['symbol']) ?? textOf(entry['ticker']) ?? id,
    status: statusOf(entry['status']),
    category: textOf(entry['category']),
    liquidityBucket: textOf(entry['liquidity_bucket']),
    trustScore: typeof trustScore === 'number' && Number.isFinite(trustScore) ? trustScore : null,
    asOf: timeOf(entry['as_of']),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text that says something. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

function statusOf(value: unknown): MarketStatus {
  const name = typeof value === 'string' ? value.trim().toUpperCase() : '';
  return STATUSES.find((status) => status === name) ?? 'UNKNOWN';
}

const TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** The time as it was sent when it is in UTC and says so; else converted, a time without a zone being taken for UTC. */
function timeOf(value: unknown): string | null {
  const [text, date, time = '00:00', zone = 'Z'] = (typeof value === 'string' ? TIME.exec(value) : null) ?? [];
  if (text === undefined) return null;
  const instant = new Date(`${date}T${time}${zone}`);
  if (Number.isNaN(instant.getTime())) return null;
  return /T.*Z$/.test(text) ? text : instant.toISOString();
}
