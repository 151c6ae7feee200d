import { checkRow, type RowText } from './check-row.js';
import type { DatasetBatch } from './dataset-row.js';

/**
 * A batch is handed on as soon as it holds this many rows and faults, give or take one piece of input. Larger ones outlive the
 * collection of young objects, which then costs more than the statements that they save.
 */
const BATCH_SIZE = 2_048;

/** Collects rows and faults as they are read. */
export class BatchBuilder {
  private batch = emptyBatch();

  get isFull(): boolean {
    const { rows, faultyIds, faults } = this.batch;
    return rows.length + faultyIds.length + faults.length >= BATCH_SIZE;
  }

  row(line: number, text: RowText): void {
    const { rows, faultyIds, faults } = this.batch;
    const checked = checkRow(line, text);
    faults.push(...checked.faults);
    if (checked.row !== null) rows.push(checked.row);
    else if (checked.marketId !== null) faultyIds.push({ line, marketId: checked.marketId });
  }

  fault(line: number, column: string | null, message: string): void {
    this.batch.faults.push({ line, column, message });
  }

  /** What was collected; the next batch begins empty. */
  take(): DatasetBatch {
    const { batch } = this;
    this.batch = emptyBatch();
    return batch;
  }
}

function emptyBatch(): DatasetBatch {
  return { rows: [], faultyIds: [], faults: [] };
}
