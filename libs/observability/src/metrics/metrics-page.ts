import { createHash, timingSafeEqual } from 'node:crypto';
import { Settings } from '@interlock/config';
import { Injectable } from '@nestjs/common';
import { Metrics } from './metrics.js';

/** What a scrape gets. */
export type ScrapeAnswer =
  | { kind: 'page'; contentType: string; body: string }
  /** METRICS_TOKEN is set, and the request carries no `Authorization: Bearer <token>`. */
  | { kind: 'unauthenticated' }
  /** The token is another. */
  | { kind: 'forbidden' };

/** The page that Prometheus scrapes. */
@Injectable()
export class MetricsPage {
  private readonly tokenDigest: Buffer | undefined;

  constructor(
    settings: Settings,
    private readonly metrics: Metrics,
  ) {
    this.tokenDigest = settings.metricsToken === undefined ? undefined : digest(settings.metricsToken);
  }

  /** @param authorization the request's header of that name */
  async answer(authorization: string | undefined): Promise<ScrapeAnswer> {
    if (this.tokenDigest !== undefined) {
      const token = /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
      if (token === undefined) return { kind: 'unauthenticated' };
      // Digests have one length, so that the comparison takes the same time for every token.
      if (!timingSafeEqual(digest(token), this.tokenDigest)) return { kind: 'forbidden' };
    }
    return { kind: 'page', contentType: this.metrics.contentType, body: await this.metrics.page() };
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
