import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { ABANDONED_AFTER } from './dataset-versions.repository.js';

/** Longer than any run that has begun to read a version. */
const READABLE_AFTER_REPLACEMENT = '1 hour';
/** A removal that makes no progress for this long has lost its process. */
const REMOVAL_STALLED_AFTER = '1 minute';
/** Rows are removed in steps that stay far below the time a statement may take. */
const LINES_PER_REMOVAL = 20_000;

/** Removes the rows of versions that nobody needs any more, in the background: nobody has to wait for it. */
@Injectable()
export class DatasetRemoval implements BeforeApplicationShutdown {
  private readonly logger = new Logger(DatasetRemoval.name);
  private underWay = Promise.resolve();
  private isEnding = false;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Begins to remove what was discarded, what imports that died have left, and versions that were replaced long enough ago. What
   * is not done when the process ends, a later call anywhere does.
   */
  begin(): void {
    this.underWay = this.underWay
      .then(() => this.removeObsolete())
      .catch((error: unknown) => this.logger.warn({ err: error }, 'old rows of datasets are left for later'));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    await this.underWay;
  }

  private async removeObsolete(): Promise<void> {
    for (let id = await this.claim(); id !== null; id = await this.claim()) await this.remove(id);
  }

  /** Marks one obsolete version as being removed, by us: others that look at the same time skip it. */
  private async claim(): Promise<string | null> {
    if (this.isEnding) return null;
    const [claimed] = await this.dataSource.query<{ id: string }[]>(
      `WITH obsolete AS (
         SELECT id FROM dataset_versions
         WHERE (state = 'staging' AND changed_at < clock_timestamp() - interval '${ABANDONED_AFTER}')
            OR (state = 'replaced' AND changed_at < clock_timestamp() - interval '${READABLE_AFTER_REPLACEMENT}')
            OR (state = 'removing' AND changed_at < clock_timestamp() - interval '${REMOVAL_STALLED_AFTER}')
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
       ), claimed AS (
         UPDATE dataset_versions SET state = 'removing', changed_at = clock_timestamp()
         WHERE id = (SELECT id FROM obsolete) RETURNING id
       )
       SELECT id FROM claimed`,
    );
    return claimed?.id ?? null;
  }

  /** The version goes last: as long as a row exists, so does the version by which it is found again. */
  private async remove(versionId: string): Promise<void> {
    const [found] = await this.dataSource.query<{ last: number | null }[]>(
      `SELECT max(line) AS last FROM dataset_rows WHERE version_id = $1`,
      [versionId],
    );
    for (let line = 0; line < (found?.last ?? 0); line += LINES_PER_REMOVAL) {
      if (this.isEnding) return;
      await this.dataSource.query(
        `WITH touched AS (UPDATE dataset_versions SET changed_at = clock_timestamp() WHERE id = $1)
         DELETE FROM dataset_rows WHERE version_id = $1 AND line > $2 AND line <= $3`,
        [versionId, line, line + LINES_PER_REMOVAL],
      );
    }
    await this.dataSource.query(`DELETE FROM dataset_versions WHERE id = $1 AND state = 'removing'`, [versionId]);
  }
}
