import { type Market, MARKET_STATUSES, type MarketStatus, type UpstreamError } from '@interlock/markets';
import { ApiProperty } from '@nestjs/swagger';
import { COUNT, OK } from '../docs/fields.js';

export class MarketAnswer implements Market {
  /** @example 'KXHIGHNY-26JAN08-T41' */
  @ApiProperty({ minLength: 1 })
  id!: string;

  /** The id where the service names none. */
  @ApiProperty()
  symbol!: string;

  /** `UNKNOWN` where the service tells none that is known here. */
  @ApiProperty({ enum: MARKET_STATUSES })
  status!: MarketStatus;

  /** @example 'weather' */
  @ApiProperty()
  category!: string | null;

  /** @example 'high' */
  @ApiProperty()
  liquidityBucket!: string | null;

  /** As the service tells it. */
  @ApiProperty()
  trustScore!: number | null;

  /** When the service says that it was so. */
  @ApiProperty()
  asOf!: string | null;
}

export class MarketsAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty({ type: String, enum: ['upstream'] })
  source!: 'upstream';

  /** Number of items. */
  @ApiProperty(COUNT)
  count!: number;

  /** Entries that the service sent without a usable id; they are left out. */
  @ApiProperty(COUNT)
  skipped!: number;

  @ApiProperty()
  items!: MarketAnswer[];
}

export class MarketsFault implements UpstreamError {
  @ApiProperty({
    type: String,
    pattern: '^UPSTREAM_(TIMEOUT|FETCH_ERROR|HTTP_[1-9][0-9]{2}|INVALID_BODY)$',
    description:
      'What failed: no answer in time, no connection, a status that is no success, a body that cannot be read.',
    example: 'UPSTREAM_HTTP_503',
  })
  code!: UpstreamError['code'];

  /** One plain sentence. */
  @ApiProperty()
  message!: string;
}

/** What is answered while the service does not answer, or not in a way that can be read. */
export class MarketsFallbackAnswer {
  @ApiProperty({ type: Boolean, enum: [false] })
  ok!: false;

  @ApiProperty({ type: String, enum: ['fallback'] })
  source!: 'fallback';

  @ApiProperty({ type: 'integer', enum: [0] })
  count!: 0;

  @ApiProperty({ type: [MarketAnswer], maxItems: 0 })
  items!: MarketAnswer[];

  @ApiProperty()
  error!: MarketsFault;
}
