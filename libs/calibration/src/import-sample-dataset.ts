import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DatasetImporter } from './dataset-importer.js';
import { type DatasetInfo, Datasets } from './datasets.repository.js';

const SAMPLE_DATASET = 'sample';

/** The same place from the sources and, since the build copies the folder, from what is compiled. */
const SAMPLE_FILE = new URL('../data/sample.csv', import.meta.url);

/** Brings the bundled dataset `sample` into the database, unless exactly that file is there already. */
export class ImportSampleDataset extends Command<ImportSampleDatasetResult> {}

export interface ImportSampleDatasetResult {
  kind: 'imported' | 'unchanged';
  dataset: DatasetInfo;
}

@CommandHandler(ImportSampleDataset)
export class ImportSampleDatasetHandler implements ICommandHandler<ImportSampleDataset> {
  constructor(
    private readonly datasets: Datasets,
    private readonly importer: DatasetImporter,
  ) {}

  async execute(): Promise<ImportSampleDatasetResult> {
    const file = await readFile(SAMPLE_FILE);
    const stored = await this.datasets.find(SAMPLE_DATASET);
    if (stored?.sha256 === createHash('sha256').update(file).digest('hex')) {
      const { versionId: _, ...dataset } = stored;
      return { kind: 'unchanged', dataset };
    }
    const result = await this.importer.import(SAMPLE_DATASET, Readable.from([file]));
    if (result.kind !== 'imported') throw new Error(`the bundled sample was not imported: ${JSON.stringify(result)}`);
    return { kind: 'imported', dataset: result.dataset };
  }
}
