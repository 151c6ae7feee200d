import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DatasetImporter } from './dataset-importer.js';
import { DatasetVersions } from './dataset-versions.repository.js';
import { Datasets } from './datasets.repository.js';
import { ImportDatasetHandler } from './import-dataset.js';
import { ImportSampleDatasetHandler } from './import-sample-dataset.js';

/** Datasets of resolved markets and how well their probabilities were calibrated. */
@Module({
  imports: [CqrsModule],
  providers: [Datasets, DatasetVersions, DatasetImporter, ImportDatasetHandler, ImportSampleDatasetHandler],
  exports: [Datasets],
})
export class CalibrationModule {}
