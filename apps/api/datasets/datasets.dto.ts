import type { DatasetInfo } from '@interlock/calibration';
import { ApiProperty } from '@nestjs/swagger';
import { COUNT, NAME, OK, SHA256, TIME } from '../docs/fields.js';
import { NEXT_CURSOR } from '../http/page.dto.js';

export class DatasetAnswerBody implements DatasetInfo {
  /** @example 'sample' */
  @ApiProperty(NAME)
  name!: string;

  /** Markets in it. */
  @ApiProperty(COUNT)
  rows!: number;

  /** Size of the file. */
  @ApiProperty(COUNT)
  bytes!: number;

  /** Of the file's bytes, in lower-case hexadecimal. */
  @ApiProperty(SHA256)
  sha256!: string;

  @ApiProperty(TIME)
  importedAt!: string;

  /** Columns of the file that a dataset does not have. */
  @ApiProperty()
  ignoredColumns!: string[];
}

export class DatasetAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  dataset!: DatasetAnswerBody;
}

export class DatasetsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: DatasetAnswerBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}

/** Leaves out what only the inside knows. */
export function datasetBody({ name, rows, bytes, sha256, importedAt, ignoredColumns }: DatasetInfo): DatasetAnswerBody {
  return { name, rows, bytes, sha256, importedAt, ignoredColumns };
}
