import { GetMarkets } from '@interlock/markets';
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiExtraModels, ApiOkResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { Access } from '../http/access.decorator.js';
import { marketsExamples } from './markets.examples.js';
import { MarketsAnswer, MarketsFallbackAnswer } from './markets.dto.js';

@ApiTags('Markets')
@Controller('api/markets')
export class MarketsController {
  constructor(private readonly queries: QueryBus) {}

  /** The markets of the configured service. When it cannot be asked, `ok` is false and `error` says why; the status is 200 all the same. */
  @Get()
  @Access('public')
  @ApiExtraModels(MarketsAnswer, MarketsFallbackAnswer)
  @ApiOkResponse({
    description: 'The markets, or why they are not known.',
    content: {
      'application/json': {
        schema: { oneOf: [MarketsAnswer, MarketsFallbackAnswer].map((model) => ({ $ref: getSchemaPath(model) })) },
        examples: { upstream: { value: marketsExamples.upstream }, fallback: { value: marketsExamples.fallback } },
      },
    },
  })
  async listMarkets(): Promise<MarketsAnswer | MarketsFallbackAnswer> {
    const result = await this.queries.execute(new GetMarkets());
    switch (result.kind) {
      case 'markets':
        return {
          ok: true,
          source: 'upstream',
          count: result.items.length,
          skipped: result.skipped,
          items: result.items,
        };
      case 'failed':
        return { ok: false, source: 'fallback', count: 0, items: [], error: result.error };
    }
  }
}
