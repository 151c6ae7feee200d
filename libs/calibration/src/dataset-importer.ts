import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { CsvDatasetReader } from './dataset/csv-dataset-reader.js';
import { DatasetFaults, FAULTS_TOLD } from './dataset/dataset-faults.js';
import type { DatasetFault, DatasetReader } from './dataset/dataset-row.js';
import { NdjsonDatasetReader } from './dataset/ndjson-dataset-reader.js';
import { RowEncoder } from './dataset/row-encoder.js';
import { DatasetRemoval } from './dataset-removal.js';
import { DatasetVersions } from './dataset-versions.repository.js';
import type { DatasetInfo } from './datasets.repository.js';

/** How a file writes its rows; its columns are in README, "Your own data". */
export type DatasetFormat = 'csv' | 'ndjson';

const READERS = { csv: CsvDatasetReader, ndjson: NdjsonDatasetReader } satisfies Record<DatasetFormat, unknown>;

export type ImportOutcome =
  | { kind: 'imported'; created: boolean; dataset: DatasetInfo }
  /** All faults are counted; the first 20, in the order of the file, are told. */
  | { kind: 'invalid'; faultCount: number; faults: DatasetFault[] }
  /** This process imports as many files as it may already; nothing was read. */
  | { kind: 'busy' };

/** Most files that a process imports at once: each takes a database connection most of the time, and some megabytes. */
export const IMPORTS_AT_ONCE = 4;

export interface ImportOptions {
  /** `csv` unless told. */
  format?: DatasetFormat;
  /** Aborted when nobody waits for the outcome any more: then the old data stay. */
  signal?: AbortSignal;
}

/** Carries a file into the database, for the commands that import datasets. */
@Injectable()
export class DatasetImporter {
  private underWay = 0;

  constructor(
    private readonly versions: DatasetVersions,
    private readonly removal: DatasetRemoval,
  ) {}

  /** @throws the signal's reason once it is aborted, within some milliseconds, unless the file was complete and right by then */
  async import(name: string, source: AsyncIterable<Uint8Array>, options: ImportOptions = {}): Promise<ImportOutcome> {
    if (this.underWay >= IMPORTS_AT_ONCE) return { kind: 'busy' };
    this.underWay += 1;
    try {
      return await this.carry(name, source, options);
    } finally {
      this.underWay -= 1;
    }
  }

  private async carry(
    name: string,
    source: AsyncIterable<Uint8Array>,
    { format = 'csv', signal }: ImportOptions,
  ): Promise<ImportOutcome> {
    this.removal.begin();
    const versionId = await this.versions.stage(name);
    try {
      const { faults, ...content } = await this.load(versionId, source, format, signal);
      signal?.throwIfAborted();
      if (faults.count > 0) return { kind: 'invalid', faultCount: faults.count, faults: [...faults.first] };
      const { created, importedAt } = await this.versions.publish(versionId, { name, ...content });
      return { kind: 'imported', created, dataset: { name, ...content, importedAt: importedAt.toISOString() } };
    } finally {
      // What cannot be given up now counts as abandoned later; it must not hide the error that brought us here.
      await this.versions.discard(versionId).catch(() => undefined);
      this.removal.begin();
    }
  }

  private async load(
    versionId: string,
    source: AsyncIterable<Uint8Array>,
    format: DatasetFormat,
    signal: AbortSignal | undefined,
  ): Promise<LoadedContent> {
    const received = new ReceivedBytes(source);
    const faults = new DatasetFaults();
    const reader: DatasetReader = new READERS[format](received, new RowEncoder(versionId, faults), faults);
    let rows = 0;
    let storing = Promise.resolve();
    try {
      for await (const block of reader) {
        rows += block.rows;
        // One block is stored while the next one is read; the reader waits for it, and so does whoever sends.
        await storing;
        signal?.throwIfAborted();
        storing = this.versions.append(versionId, block.bytes);
        storing.catch(() => undefined); // seen when it is waited for
      }
    } finally {
      await storing;
    }
    const { count, first } = await this.versions.duplicates(versionId, FAULTS_TOLD, signal);
    faults.addFound(count, first.map(duplicateFault));
    const { bytes, sha256 } = received;
    return { rows, bytes, sha256, ignoredColumns: [...reader.ignoredColumns], faults };
  }
}

type LoadedContent = Omit<DatasetInfo, 'name' | 'importedAt'> & { faults: DatasetFaults };

function duplicateFault({ line, firstLine }: { line: number; firstLine: number }): DatasetFault {
  return { line, column: 'market_id', message: `occurs on line ${firstLine} already` };
}

/** Counts and hashes the bytes that pass. */
class ReceivedBytes implements AsyncIterable<Uint8Array> {
  bytes = 0;
  private readonly hash = createHash('sha256');

  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  /** Once all have passed. */
  get sha256(): string {
    return this.hash.copy().digest('hex');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.source) {
      this.bytes += chunk.length;
      this.hash.update(chunk);
      yield chunk;
    }
  }
}
