import { MetricsPage } from '@interlock/observability';
import { Controller, Get, HttpStatus, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';

/** Metrics of the worker, for Prometheus; public, unless METRICS_TOKEN is set. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly page: MetricsPage) {}

  @Get()
  async metrics(@Req() request: Request, @Res() response: Response): Promise<void> {
    const answer = await this.page.answer(request.headers.authorization);
    switch (answer.kind) {
      case 'page':
        response.set('content-type', answer.contentType).send(answer.body);
        break;
      case 'unauthenticated':
        response.status(HttpStatus.UNAUTHORIZED).set('www-authenticate', 'Bearer').json({ ok: false });
        break;
      case 'forbidden':
        response.status(HttpStatus.FORBIDDEN).json({ ok: false });
        break;
    }
  }
}
