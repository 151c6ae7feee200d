import type { Actor } from '@interlock/access';
import { datasetReportOf, reportPicture } from '@interlock/calibration';
import { CancelRun, GetRun, GetRunReport, ListRuns, type RunFilter } from '@interlock/execution';
import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiExtraModels, ApiOkResponse, ApiParam, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ID } from '../docs/fields.js';
import { Access } from '../http/access.decorator.js';
import { ApiError, notFound } from '../http/api-error.js';
import { isId } from '../http/constraints.js';
import { listAnswer, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { Caller } from '../http/request-context.js';
import { REPORT_PAGE_POLICY, REPORT_PICTURE_POLICY, reportPage } from './report-page.js';
import { CalibrationReportAnswer, ReportAnswer } from './report.dto.js';
import { reportExample, runsExamples } from './runs.examples.js';
import { RunAnswer, runAnswer, RunsAnswer, RunsQuery, statusesIn } from './runs.dto.js';

const RUN_ID = { name: 'id', description: 'Id of the run.', schema: ID };

@ApiTags('Runs')
@Controller('api/runs')
export class RunsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  /** Runs, newest first. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: RunsAnswer, description: 'A page of runs.', example: runsExamples.page })
  async listRuns(@Query() query: RunsQuery): Promise<RunsAnswer> {
    const { limit, before } = pageOf(query);
    return listAnswer(await this.queries.execute(new ListRuns(filterOf(query), limit, before)));
  }

  /** One run with its stages, and why it failed if it did. */
  @Get(':id')
  @Access('observer')
  @ApiParam(RUN_ID)
  @ApiOkResponse({ type: RunAnswer, description: 'The run.', example: runsExamples.one })
  async getRun(@Param('id') id: string): Promise<RunAnswer> {
    const run = isId(id) ? await this.queries.execute(new GetRun(id)) : null;
    if (run === null) throw unknownRun();
    return runAnswer(run);
  }

  /** Ends a run: one that waits at once, one that runs as soon as its worker has let go of it. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Access('operator')
  @Refusals('RUN_ALREADY_FINISHED')
  @ApiParam(RUN_ID)
  @ApiOkResponse({
    type: RunAnswer,
    description: 'The run as it is now; a running one becomes CANCELED shortly.',
    example: runsExamples.canceled,
  })
  async cancelRun(@Param('id') id: string, @Caller() caller: Actor): Promise<RunAnswer> {
    if (!isId(id)) throw unknownRun();
    const result = await this.commands.execute(new CancelRun(id, caller));
    switch (result.kind) {
      case 'canceled':
      case 'requested':
        return this.getRun(id);
      case 'unknown-run':
        throw unknownRun();
      case 'already-finished':
        throw new ApiError('RUN_ALREADY_FINISHED', `The run has ended already: ${result.status}.`);
    }
  }

  /** What the run found out. A calibration's report can also be had as a page that shows it, with `Accept: text/html`. */
  @Get(':id/report')
  @Access('observer')
  @Refusals('RUN_NOT_FINISHED')
  @ApiParam(RUN_ID)
  @ApiExtraModels(ReportAnswer, CalibrationReportAnswer)
  @ApiOkResponse({
    description: 'The report.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ReportAnswer) }, example: reportExample },
      'text/html': { schema: { type: 'string' }, example: '<!doctype html>…' },
    },
  })
  async getRunReport(
    @Param('id') id: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ReportAnswer | string> {
    const { runId, report } = await this.reportOf(id);
    response.vary('accept');
    const shown = request.accepts('json', 'html') === 'html' ? datasetReportOf(report) : null;
    if (shown === null) return { ok: true, runId, report };
    response.type('html').set('content-security-policy', REPORT_PAGE_POLICY);
    return reportPage(runId, shown);
  }

  /** A calibration's report as a picture: its reliability diagram. */
  @Get(':id/report.svg')
  @Access('observer')
  @Refusals('RUN_NOT_FINISHED')
  @ApiParam(RUN_ID)
  @ApiOkResponse({
    description: 'The picture.',
    content: { 'image/svg+xml': { schema: { type: 'string' }, example: '<svg xmlns="http://www.w3.org/2000/svg">…' } },
  })
  async getRunReportPicture(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<string> {
    const { report } = await this.reportOf(id);
    const drawn = datasetReportOf(report);
    if (drawn === null) throw notFound("The run's report is not a calibration's, so there is no picture of it.");
    response.type('svg').set('content-security-policy', REPORT_PICTURE_POLICY);
    return reportPicture(drawn);
  }

  /** @throws ApiError when the run does not exist, goes on, or ended without a report */
  private async reportOf(id: string): Promise<{ runId: string; report: Record<string, unknown> }> {
    if (!isId(id)) throw unknownRun();
    const result = await this.queries.execute(new GetRunReport(id));
    switch (result.kind) {
      case 'found':
        return { runId: id.toLowerCase(), report: result.report };
      case 'unknown-run':
        throw unknownRun();
      case 'not-finished':
        throw new ApiError('RUN_NOT_FINISHED', 'The run has not ended yet; its report comes with its end.');
      case 'no-report':
        throw notFound('The run ended without a report.');
    }
  }
}

function unknownRun(): ApiError {
  return notFound('There is no run with this id.');
}

function filterOf({ status, mode, strategy, pipeline }: RunsQuery): RunFilter {
  return {
    ...(status === undefined ? {} : { statuses: statusesIn(status) }),
    ...(mode === undefined ? {} : { mode }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(pipeline === undefined ? {} : { pipeline }),
  };
}
