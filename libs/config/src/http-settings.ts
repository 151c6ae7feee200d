import { isIP } from 'node:net';
import { list } from './parsers.js';

/** What the programs' ports take before they refuse. Limits of 0 are off. */
export interface HttpSettings {
  /** Requests in 60 seconds that carry the same valid token. */
  readonly rateLimitPerMin: number;
  /** Requests in 60 seconds from one address without a valid token. */
  readonly anonymousRateLimitPerMin: number;
  /** Addresses and ranges whose `x-forwarded-for` is believed. */
  readonly trustedProxies: readonly string[];
  /** Most open connections of a port. */
  readonly maxConnections: number;
}

interface HttpVariables {
  readonly HTTP_RATE_LIMIT_PER_MIN: number;
  readonly HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: number;
  readonly HTTP_MAX_CONNECTIONS: number;
  readonly TRUST_PROXY: readonly string[];
}

export function httpSettings(variables: HttpVariables): HttpSettings {
  return {
    rateLimitPerMin: variables.HTTP_RATE_LIMIT_PER_MIN,
    anonymousRateLimitPerMin: variables.HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN,
    trustedProxies: variables.TRUST_PROXY,
    maxConnections: variables.HTTP_MAX_CONNECTIONS,
  };
}

/** Addresses, or ranges of them, separated by commas. A range of everybody would let every caller choose an address. */
export function addressRanges() {
  return list(isRange, 'addresses or ranges separated by commas, such as 10.0.0.7,fd00::/8');
}

function isRange(item: string): boolean {
  const [address = '', bits, ...rest] = item.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return false;
  if (bits === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
