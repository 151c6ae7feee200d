import { type Market, MARKET_STATUSES, type MarketStatus, type UpstreamError } from '@interlock/markets';
import { ApiProperty } from '@nestjs/swagger';

export class MarketAnswer implements Market {
  /** @example 'KXHIGHNY-26JAN08-T41' */
  id!: string;

  /** The id where the service names none. */
  symbol!: string;

  @ApiProperty({ enum: MARKET_STATUSES })
  status!: MarketStatus;

  category!: string | null;

  liquidityBucket!: string | null;

  trustScore!: number | null;

  /** ISO 8601, UTC. */
  asOf!: string | null;
}

export class MarketsAnswer {
  @ApiProperty({ type: Boolean, enum: [true] })
  ok!: true;

  @ApiProperty({ type: String, enum: ['upstream'] })
  source!: 'upstream';

  /** Number of items. */
  count!: number;

  /** Entries that the service sent without a usable id; they are left out. */
  skipped!: number;

  items!: MarketAnswer[];
}

export class MarketsFault implements UpstreamError {
  @ApiProperty({
    type: String,
    description: 'UPSTREAM_TIMEOUT, UPSTREAM_FETCH_ERROR, UPSTREAM_HTTP_<status> or UPSTREAM_INVALID_BODY.',
    example: 'UPSTREAM_HTTP_503',
  })
  code!: UpstreamError['code'];

  /** One plain sentence. */
  message!: string;
}

/** What is answered while the service does not answer, or not in a way that can be read. */
export class MarketsFallbackAnswer {
  @ApiProperty({ type: Boolean, enum: [false] })
  ok!: false;

  @ApiProperty({ type: String, enum: ['fallback'] })
  source!: 'fallback';

  @ApiProperty({ type: Number, enum: [0] })
  count!: 0;

  @ApiProperty({ type: [MarketAnswer], maxItems: 0 })
  items!: MarketAnswer[];

  error!: MarketsFault;
}
