import type { DatasetReport } from '@interlock/calibration';
import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { ANY_OBJECT, COUNT, ID, NAME, OK, SHA256, UNIT_INTERVAL } from '../docs/fields.js';

/** How well probabilities of YES agreed with what happened: means over the markets. */
export class CalibrationScoresAnswer {
  /** Number of markets. */
  @ApiProperty({ ...COUNT, minimum: 1 })
  n!: number;

  /** Share of markets that resolved to YES. */
  @ApiProperty(UNIT_INTERVAL)
  baseRate!: number;

  /** Brier score: mean of (probability − outcome)². 0 is best. */
  @ApiProperty(UNIT_INTERVAL)
  brier!: number;

  /** Mean of −ln(probability given to what happened), clipped at 1e-15. 0 is best. */
  @ApiProperty({ minimum: 0 })
  logLoss!: number;

  /** Expected calibration error over the bins. 0 is best. */
  @ApiProperty(UNIT_INTERVAL)
  ece!: number;
}

/** The scores of the markets of one platform or category. */
export class CalibrationSegmentAnswer extends CalibrationScoresAnswer {
  /** @example 'kalshi' */
  @ApiProperty()
  name!: string;
}

/** The markets with `lower <= probability < upper`; of the last bin also those with probability 1. */
export class CalibrationBinAnswer {
  @ApiProperty(UNIT_INTERVAL)
  lower!: number;

  @ApiProperty(UNIT_INTERVAL)
  upper!: number;

  @ApiProperty(COUNT)
  count!: number;

  /** Null when the bin is empty. */
  @ApiProperty(UNIT_INTERVAL)
  meanProbability!: number | null;

  /** Share of YES; null when the bin is empty. */
  @ApiProperty(UNIT_INTERVAL)
  observedRate!: number | null;
}

/** What the Brier score is made of: `brier = reliability − resolution + uncertainty + withinBin`. */
export class MurphyAnswer {
  /** Mean of (bin's mean probability − bin's observed rate)². 0 is best. */
  @ApiProperty(UNIT_INTERVAL)
  reliability!: number;

  /** Mean of (bin's observed rate − base rate)². More is better. */
  @ApiProperty(UNIT_INTERVAL)
  resolution!: number;

  /** What a constant forecast of the base rate would score. */
  @ApiProperty(UNIT_INTERVAL)
  uncertainty!: number;

  /** What binning hides; may be negative. */
  @ApiProperty()
  withinBin!: number;
}

export class CalibrationSegmentsAnswer {
  /** By name. */
  @ApiProperty()
  platform!: CalibrationSegmentAnswer[];

  /** By name. */
  @ApiProperty()
  category!: CalibrationSegmentAnswer[];
}

/** What the pipeline `calibration` reports. */
export class CalibrationReportAnswer extends CalibrationScoresAnswer implements DatasetReport {
  /** @example 'sample' */
  @ApiProperty(NAME)
  dataset!: string;

  /** Of the bytes of the dataset. */
  @ApiProperty(SHA256)
  sha256!: string;

  /** Of equal width, from 0 to 1. */
  @ApiProperty()
  bins!: CalibrationBinAnswer[];

  /** The same scores for each platform and category. Of a kind with more than 1,000 of them none is listed. */
  @ApiProperty()
  segments!: CalibrationSegmentsAnswer;

  /** The kinds of which none is listed; absent when there is no such kind. */
  @ApiProperty({ type: [String], enum: ['platform', 'category'] })
  tooManySegments?: ('platform' | 'category')[];

  @ApiProperty()
  murphy!: MurphyAnswer;
}

export class ReportAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty(ID)
  runId!: string;

  /** As the pipeline made it: a calibration's, or any object that a pipeline of yours left. */
  @ApiProperty({ anyOf: [{ $ref: getSchemaPath(CalibrationReportAnswer) }, ANY_OBJECT] })
  report!: Record<string, unknown>;
}
