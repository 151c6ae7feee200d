import { type Metrics } from '@interlock/observability';
import type { Response } from 'express';
import { ApiError } from '../api-error.js';
import type { Route } from '../route-table.js';

/** Most requests that are worked on at once. With bodies of 64 KiB at most they hold 128 MiB, and are done within seconds. */
const MOST_AT_ONCE = 2_000;
const RETRY_AFTER_S = 1;

/**
 * How many requests are worked on at once; what comes on top is refused at once rather than answered too late. A request counts
 * until its answer is made, not until the caller has read it. Probes and the kill switch always get in.
 */
export class WorkLimit {
  private underWay = 0;
  private readonly refusals;

  constructor(
    metrics: Metrics,
    private readonly most = MOST_AT_ONCE,
  ) {
    this.refusals = metrics.counter(
      'interlock_http_overloaded_total',
      'Requests refused because too many were being worked on',
      [{}],
    );
    const underWay = metrics.gauge('interlock_http_requests_under_way', 'Requests that are worked on', [{}]);
    metrics.readAtScrape('http', () => underWay.set(this.underWay));
  }

  /** @throws ApiError OVERLOADED */
  enter(response: Response, route: Route): void {
    if (route.quiet) return;
    if (this.underWay >= this.most && !route.urgent) {
      this.refusals.inc();
      const message = 'Too many requests are being worked on; this one was not begun.';
      throw new ApiError('OVERLOADED', message, {}, { 'retry-after': String(RETRY_AFTER_S) });
    }
    this.underWay += 1;
    let counted = true;
    const leave = () => {
      if (counted) this.underWay -= 1;
      counted = false;
    };
    response.once('prefinish', leave).once('close', leave);
  }
}
