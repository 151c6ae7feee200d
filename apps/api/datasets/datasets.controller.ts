import { DeleteDataset, ImportDataset, type ImportDatasetResult, ListDatasets } from '@interlock/calibration';
import { NAME_PATTERN } from '@interlock/config';
import { Controller, Delete, Get, Param, Put, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { NAME } from '../docs/fields.js';
import { Access } from '../http/access.decorator.js';
import { ApiError, invalid, notFound, SOON } from '../http/api-error.js';
import { listAnswer, PageQuery, pageOf } from '../http/page.dto.js';
import { Refusals } from '../http/refusals.decorator.js';
import { BodyStream } from '../http/request-context.js';
import { type StreamedBody, StreamsBody } from '../http/streamed-body.js';
import { datasetsExamples } from './datasets.examples.js';
import { killSwitchAnswer } from '../execution/kill-switch.dto.js';
import { endingWith, ImportHalted, ImportHalts } from './import-halts.js';
import { DatasetAnswer, datasetBody, DatasetsAnswer } from './datasets.dto.js';

const NDJSON = 'application/x-ndjson';
const MEDIA_TYPES = ['text/csv', NDJSON] as const;
const FILE_LIMIT_BYTES = 256 * 1024 * 1024;

const DATASET_NAME = { name: 'name', description: 'Name of the dataset.', schema: NAME, example: 'sample' };

const FILE = { type: 'string', format: 'binary' };
const DATASET_FILE = {
  required: true,
  description: 'The file, up to 256 MiB.',
  content: {
    'text/csv': { schema: FILE, example: datasetsExamples.csv },
    [NDJSON]: { schema: FILE, example: datasetsExamples.ndjson },
  },
};

@ApiTags('Datasets')
@Controller('api/datasets')
export class DatasetsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
    private readonly halts: ImportHalts,
  ) {}

  /** Datasets of resolved markets, newest first. */
  @Get()
  @Access('observer')
  @ApiOkResponse({ type: DatasetsAnswer, description: 'A page of datasets.', example: datasetsExamples.page })
  async listDatasets(@Query() query: PageQuery): Promise<DatasetsAnswer> {
    const { limit, before } = pageOf(query);
    const page = await this.queries.execute(new ListDatasets(limit, before));
    return listAnswer({ ...page, items: page.items.map(datasetBody) });
  }

  /**
   * Imports a file of resolved markets under a name. It takes the place of what the name had before: as a whole, or not at all when
   * anything is wrong with it, the connection ends before the file does, or everything is halted meanwhile. The last import to be complete wins. Columns, in any
   * order: market_id (unique), probability of YES in [0, 1] and outcome (0 or 1) are required; platform, category, question, as_of
   * and resolved_at may be there; others are ignored and named in the answer.
   */
  @Put(':name')
  @Access('operator')
  @StreamsBody({ types: MEDIA_TYPES, limitBytes: FILE_LIMIT_BYTES })
  @Refusals('DATASET_INVALID', 'KILL_SWITCH_ON')
  @ApiParam(DATASET_NAME)
  @ApiOperation({ requestBody: DATASET_FILE })
  @ApiCreatedResponse({
    type: DatasetAnswer,
    description: 'The dataset, under a name that was free.',
    example: datasetsExamples.one,
  })
  @ApiOkResponse({
    type: DatasetAnswer,
    description: 'The dataset, in the place of the one before.',
    example: datasetsExamples.one,
  })
  async importDataset(
    @Param('name') name: string,
    @BodyStream() body: StreamedBody,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DatasetAnswer> {
    if (!NAME_PATTERN.test(name)) throw invalid({ name: [`must match ${NAME_PATTERN.source}`] });
    const result = await this.importUnlessHalted(name, body);
    switch (result.kind) {
      case 'invalid': {
        const { faultCount, faults } = result;
        const message = `The file has ${faultCount} ${faultCount === 1 ? 'fault' : 'faults'}; nothing was changed.`;
        throw new ApiError('DATASET_INVALID', message, { details: { faultCount, faults } });
      }
      case 'imported':
        response.status(result.created ? 201 : 200);
        return { ok: true, dataset: datasetBody(result.dataset) };
      case 'busy':
        throw new ApiError(
          'OVERLOADED',
          'As many datasets as can be are being imported; this one was not begun.',
          {},
          SOON,
        );
    }
  }

  private async importUnlessHalted(
    name: string,
    { bytes, type, abandoned }: StreamedBody,
  ): Promise<ImportDatasetResult> {
    const halt = await this.halts.begin();
    const signal = AbortSignal.any([abandoned, halt.signal]);
    try {
      return await this.commands.execute(
        new ImportDataset(name, endingWith(bytes, halt.signal), { format: type === NDJSON ? 'ndjson' : 'csv', signal }),
      );
    } catch (error) {
      if (!(error instanceof ImportHalted)) throw error;
      const message = 'The import was ended, since everything was halted; the data that the name had before are kept.';
      throw new ApiError('KILL_SWITCH_ON', message, { killSwitch: killSwitchAnswer(error.killSwitch) });
    } finally {
      halt.end();
    }
  }

  /** Deletes a dataset. Runs that read it already go on. */
  @Delete(':name')
  @Access('operator')
  @ApiParam(DATASET_NAME)
  @ApiOkResponse({ type: DatasetAnswer, description: 'The dataset as it was.', example: datasetsExamples.one })
  async deleteDataset(@Param('name') name: string): Promise<DatasetAnswer> {
    const dataset = NAME_PATTERN.test(name) ? await this.commands.execute(new DeleteDataset(name)) : null;
    if (dataset === null) throw notFound('There is no dataset of this name.');
    return { ok: true, dataset: datasetBody(dataset) };
  }
}
