import type { z } from 'zod';
import { integer, marketsBaseUrl, urlPath } from './parsers.js';

/** Settings of the upstream service of markets, for the schema of the environment. */
export const MARKETS_SOURCE_SETTINGS = {
  MARKETS_SOURCE_BASE_URL: marketsBaseUrl().default('http://127.0.0.1:8100'),
  MARKETS_SOURCE_PATH: urlPath().default('/markets'),
  MARKETS_SOURCE_TIMEOUT_MS: integer(50, 60_000).default(5_000),
  MARKETS_CACHE_MS: integer(100, 60_000).default(1_000),
};

type MarketsSourceEnvironment = z.infer<z.ZodObject<typeof MARKETS_SOURCE_SETTINGS>>;

/** The HTTP service that knows the markets. Durations in milliseconds. */
export interface MarketsSourceSettings {
  /** Without user and password. */
  readonly url: string;
  /** Value of the header `authorization`, made of the address's user and password; a secret. */
  readonly authorization: string | undefined;
  /** For the whole answer, its body included. */
  readonly timeoutMs: number;
  /** How long an answer, or the lack of one, holds. */
  readonly cacheMs: number;
}

export function marketsSourceSettings(environment: MarketsSourceEnvironment): MarketsSourceSettings {
  const base = new URL(environment.MARKETS_SOURCE_BASE_URL);
  const credentials = [base.username, base.password].map(decodeURIComponent).join(':');
  return {
    url: `${base.origin}${base.pathname.replace(/\/+$/, '')}${environment.MARKETS_SOURCE_PATH}`,
    authorization: credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
    timeoutMs: environment.MARKETS_SOURCE_TIMEOUT_MS,
    cacheMs: environment.MARKETS_CACHE_MS,
  };
}
