import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { DatasetVersions } from './dataset-versions.repository.js';
import type { StoredDataset } from './datasets.repository.js';

/** Takes a dataset away and returns what it was; null when there is none of that name. Runs that read it already go on. */
export class DeleteDataset extends Command<StoredDataset | null> {
  constructor(readonly name: string) {
    super();
  }
}

@CommandHandler(DeleteDataset)
export class DeleteDatasetHandler implements ICommandHandler<DeleteDataset> {
  constructor(private readonly versions: DatasetVersions) {}

  execute({ name }: DeleteDataset): Promise<StoredDataset | null> {
    return this.versions.withdraw(name);
  }
}
