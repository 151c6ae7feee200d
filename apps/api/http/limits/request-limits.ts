import type { Authentication } from '@interlock/access';
import type { HttpSettings } from '@interlock/config';
import { everySeries, type Metrics } from '@interlock/observability';
import type { Request } from 'express';
import { ApiError } from '../api-error.js';
import { contextOf } from '../request-context.js';
import type { Route } from '../route-table.js';
import { ClientAddresses, countedAddress } from './client-address.js';
import { RateLimit } from './rate-limit.js';
import { WINDOW_MS } from './rate-window.js';

/** By what a request is counted. `switch`: turning a kill switch, which nothing else may use up the budget of. */
const BUDGETS = ['token', 'switch', 'address'] as const;
type Budget = (typeof BUDGETS)[number];

/** The kill switch's own budget per token: a tenth of what all other requests may be, and never less than this. */
const SWITCH_SHARE = 0.1;
const LEAST_FOR_SWITCH = 600;

/**
 * How many requests callers may make. Judged before anything is read or looked up, by what costs next to nothing to refuse.
 *
 * A valid token is counted by itself, wherever it is used. Everything else, a wrong token included, is counted by its address, so
 * that no number of guesses costs more than the refusals. A valid token is recognised however many guesses its address has made:
 * a limit that locked out everybody behind one address would give whoever floods it a way to hold the kill switch.
 */
export class RequestLimits {
  private readonly addresses: ClientAddresses;
  private readonly budgets: Readonly<Record<Budget, RateLimit>>;
  private readonly refusals;

  constructor(settings: HttpSettings, metrics: Metrics) {
    const { rateLimitPerMin, anonymousRateLimitPerMin, trustedProxies } = settings;
    const forSwitch = Math.max(LEAST_FOR_SWITCH, Math.floor(rateLimitPerMin * SWITCH_SHARE));
    this.addresses = new ClientAddresses(trustedProxies);
    this.budgets = {
      token: new RateLimit(rateLimitPerMin),
      switch: new RateLimit(rateLimitPerMin === 0 ? 0 : forSwitch),
      address: new RateLimit(anonymousRateLimitPerMin),
    };
    this.refusals = metrics.counter(
      'interlock_http_rate_limited_total',
      'Requests refused because their token, their address, or turning the kill switch was over its rate limit',
      everySeries({ by: BUDGETS }),
    );
  }

  /**
   * Counts a request.
   * @param route undefined when there is none for it
   * @throws ApiError RATE_LIMITED, with the seconds after which one is let through again
   */
  count(request: Request, route: Route | undefined, authentication: Authentication): void {
    if (route?.quiet === true) return; // health, metrics and docs: whoever watches us must not be held off
    const known = authentication.kind === 'known';
    const budget: Budget = !known ? 'address' : route?.urgent === true ? 'switch' : 'token';
    if (this.budgets[budget].limit === 0) return;
    const caller = known ? authentication.actor.name : countedAddress(this.addresses.of(request));
    const waitMs = this.budgets[budget].take(caller, performance.now());
    if (waitMs > 0) this.refuse(request, budget, caller, waitMs);
  }

  private refuse(request: Request, by: Budget, caller: string, waitMs: number): never {
    contextOf(request).caller = caller;
    this.refusals.inc({ by });
    const seconds = Math.ceil(waitMs / 1_000);
    const { limit } = this.budgets[by];
    throw new ApiError(
      'RATE_LIMITED',
      `More than ${limit} requests in ${WINDOW_MS / 1_000} s; try again in ${seconds} s.`,
      { details: { by, limit, windowSeconds: WINDOW_MS / 1_000 } },
      { 'retry-after': String(seconds) },
    );
  }
}
