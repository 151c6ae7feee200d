import { MetricsPage } from '@interlock/observability';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../http/access.decorator.js';
import { ApiError } from '../http/api-error.js';
import { Refusals } from '../http/refusals.decorator.js';

const METRICS_EXAMPLE = `# HELP interlock_kill_switch_on Whether a kill switch is on at this level
# TYPE interlock_kill_switch_on gauge
interlock_kill_switch_on{scope="global",level="halt"} 0
`;

@ApiTags('Health')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly page: MetricsPage) {}

  /**
   * Metrics of this process, in Prometheus's text format. Public, unless METRICS_TOKEN is set: then it takes that token, as bearer
   * token, and no other. Answers within 2 s, also without the database.
   */
  @Get()
  @Access('public', { quiet: true })
  @Refusals('UNAUTHENTICATED', 'FORBIDDEN')
  @ApiOperation({ security: [{}, { metrics: [] }] })
  @ApiOkResponse({
    description: 'The metrics.',
    content: { 'text/plain': { schema: { type: 'string' }, example: METRICS_EXAMPLE } },
  })
  async getMetrics(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<string> {
    const answer = await this.page.answer(request.headers.authorization);
    switch (answer.kind) {
      case 'page':
        response.set('content-type', answer.contentType);
        return answer.body;
      case 'unauthenticated': {
        const message = 'Send the header "Authorization: Bearer <token>", with the token of METRICS_TOKEN.';
        throw new ApiError('UNAUTHENTICATED', message, {}, { 'www-authenticate': 'Bearer' });
      }
      case 'forbidden':
        throw new ApiError('FORBIDDEN', 'This token does not allow that.');
    }
  }
}
