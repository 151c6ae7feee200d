import { Settings } from '@interlock/config';
import { Logger } from '@nestjs/common';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { UpstreamMarkets, type UpstreamResult } from './upstream-markets.js';

/** The markets that the upstream service knows, or why they are not known. Callers must not change the result. */
export class GetMarkets extends Query<UpstreamResult> {}

/**
 * Shares: while the service is being asked everybody waits for the same answer, and for a set time afterwards everybody gets it. Failures
 * hold as long as successes do, so that a service that hangs or refuses is asked by one connection at a time, however many
 * want to know.
 */
@QueryHandler(GetMarkets)
export class GetMarketsHandler implements IQueryHandler<GetMarkets> {
  private readonly logger = new Logger('markets');
  private readonly cacheMs: number;
  private latest: { readonly result: Promise<UpstreamResult>; expiresAt: number } | undefined;
  private fault = '';

  constructor(
    private readonly upstream: UpstreamMarkets,
    settings: Settings,
  ) {
    this.cacheMs = settings.marketsSource.cacheMs;
  }

  execute(): Promise<UpstreamResult> {
    if (this.latest !== undefined && performance.now() < this.latest.expiresAt) return this.latest.result;
    const call = { result: this.upstream.fetch(), expiresAt: Infinity };
    this.latest = call;
    return call.result.then((result) => {
      call.expiresAt = performance.now() + this.cacheMs;
      this.tell(result);
      return result;
    });
  }

  /** One line when the service begins to fail, in another way than before, and when it answers again. */
  private tell(result: UpstreamResult): void {
    const fault = result.kind === 'failed' ? result.error.code : '';
    if (fault === this.fault) return;
    this.fault = fault;
    if (result.kind === 'failed') this.logger.warn(result.error, `markets are not known: ${result.error.message}`);
    else this.logger.log('the markets service answers again');
  }
}
