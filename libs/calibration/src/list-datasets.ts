import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { Datasets, type StoredDataset } from './datasets.repository.js';

export interface DatasetPage {
  items: StoredDataset[];
  /** Version id of the last item when there are more. */
  nextCursor: string | null;
}

/** Datasets, newest first by the beginning of their import. `limit` is from 1 to 200; `before` is where the page starts. */
export class ListDatasets extends Query<DatasetPage> {
  constructor(
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListDatasets)
export class ListDatasetsHandler implements IQueryHandler<ListDatasets> {
  constructor(private readonly datasets: Datasets) {}

  async execute({ limit, before }: ListDatasets): Promise<DatasetPage> {
    const found = await this.datasets.list(limit + 1, before);
    const items = found.slice(0, limit);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.versionId ?? null) : null };
  }
}
