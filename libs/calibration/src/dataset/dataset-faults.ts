import type { DatasetFault } from './dataset-row.js';

/** Most faults of one file that are told; more would help nobody, and a file may have a million. */
export const FAULTS_TOLD = 20;

/** What is wrong with a file: all faults counted, the first ones told. */
export class DatasetFaults {
  count = 0;
  private told: DatasetFault[] = [];

  /** The first 20, in the order of the file. */
  get first(): readonly DatasetFault[] {
    return this.told;
  }

  /** Adds a fault of a file that is read in its order. */
  add(line: number, column: string | null, message: string): void {
    this.count += 1;
    if (this.told.length < FAULTS_TOLD) this.told.push({ line, column, message });
  }

  /** Adds faults that were found later. @param first the first 20 of these `count` */
  addFound(count: number, first: readonly DatasetFault[]): void {
    this.count += count;
    this.told = [...this.told, ...first].toSorted((a, b) => a.line - b.line).slice(0, FAULTS_TOLD);
  }
}
