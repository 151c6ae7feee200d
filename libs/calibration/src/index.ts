export { CalibrationModule } from './calibration.module.js';
export { type DatasetReport, datasetReportOf } from './dataset-report.js';
export type { DatasetFault } from './dataset/dataset-row.js';
export { type DatasetInfo, Datasets, DatasetVersionGone, type StoredDataset } from './datasets.repository.js';
export { DeleteDataset } from './delete-dataset.js';
export { ImportDataset, type ImportDatasetResult } from './import-dataset.js';
export { ImportSampleDataset, type ImportSampleDatasetResult } from './import-sample-dataset.js';
export { ListDatasets, type DatasetPage } from './list-datasets.js';
export type {
  CalibrationBin,
  CalibrationReport,
  CalibrationScores,
  CalibrationSegment,
  MurphyDecomposition,
} from './report/calibration-report.js';
export { CalibrationScorer, type ScoredMarket, type ScoredMarkets } from './report/calibration-scorer.js';
export { plottedBins, type PlottedBin } from './report-picture/reliability-plot.js';
export { reportPicture } from './report-picture/report-picture.js';
export { escaped } from './report-picture/svg.js';
