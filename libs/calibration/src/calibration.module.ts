import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { DatasetImporter } from './dataset-importer.js';
import { DatasetRemoval } from './dataset-removal.js';
import { DatasetVersions } from './dataset-versions.repository.js';
import { Datasets } from './datasets.repository.js';
import { DeleteDatasetHandler } from './delete-dataset.js';
import { ImportDatasetHandler } from './import-dataset.js';
import { ImportSampleDatasetHandler } from './import-sample-dataset.js';
import { ListDatasetsHandler } from './list-datasets.js';

/** Datasets of resolved markets and how well their probabilities were calibrated. */
@Module({
  imports: [CqrsModule],
  providers: [
    Datasets,
    DatasetVersions,
    DatasetRemoval,
    DatasetImporter,
    ImportDatasetHandler,
    ImportSampleDatasetHandler,
    ListDatasetsHandler,
    DeleteDatasetHandler,
  ],
  exports: [Datasets],
})
export class CalibrationModule {}
