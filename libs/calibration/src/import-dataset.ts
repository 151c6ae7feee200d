import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DatasetImporter, type ImportOptions, type ImportOutcome } from './dataset-importer.js';

/**
 * Stores a file of resolved markets under a name, in the place of what the name had before: as a whole or, when anything is
 * wrong with it, not at all. Of several imports under one name the last to be complete wins.
 *
 * The source is read to its end, whatever it holds. When its reading fails, or the database does, the old data stay and the error is
 * thrown; a Node stream is destroyed by that unless it is handed in as `stream.iterator({ destroyOnReturn: false })`.
 */
export class ImportDataset extends Command<ImportDatasetResult> {
  /** @param name 1 to 64 of a-z, 0-9, dot, underscore, hyphen, beginning with a letter or digit */
  constructor(
    readonly name: string,
    readonly source: AsyncIterable<Uint8Array>,
    readonly options: ImportOptions = {},
  ) {
    super();
  }
}

export type ImportDatasetResult = ImportOutcome;

@CommandHandler(ImportDataset)
export class ImportDatasetHandler implements ICommandHandler<ImportDataset> {
  constructor(private readonly importer: DatasetImporter) {}

  execute({ name, source, options }: ImportDataset): Promise<ImportDatasetResult> {
    return this.importer.import(name, source, options);
  }
}
