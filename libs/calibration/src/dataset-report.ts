import { z } from 'zod';
import type { CalibrationReport } from './report/calibration-report.js';

/** The report of a calibration run: what was scored, and how it did. */
export interface DatasetReport extends CalibrationReport {
  dataset: string;
  /** Of the bytes of the dataset, in hexadecimal. */
  sha256: string;
}

const scores = { n: z.number(), baseRate: z.number(), brier: z.number(), logLoss: z.number(), ece: z.number() };
const segments = z.array(z.object({ name: z.string(), ...scores }));
const bin = z.object({
  lower: z.number(),
  upper: z.number(),
  count: z.number(),
  meanProbability: z.number().nullable(),
  observedRate: z.number().nullable(),
});
const datasetReport: z.ZodType<DatasetReport> = z.object({
  dataset: z.string(),
  sha256: z.string(),
  ...scores,
  bins: z.array(bin).min(1),
  segments: z.object({ platform: segments, category: segments }),
  tooManySegments: z.array(z.enum(['platform', 'category'])).exactOptional(),
  murphy: z.object({
    reliability: z.number(),
    resolution: z.number(),
    uncertainty: z.number(),
    withinBin: z.number(),
  }),
});

/** A stored report as a calibration's, or null when another pipeline made it. */
export function datasetReportOf(report: Record<string, unknown>): DatasetReport | null {
  return datasetReport.safeParse(report).data ?? null;
}
