import { Module } from '@nestjs/common';
import { Metrics } from './metrics.js';
import { MetricsPage } from './metrics-page.js';
import { ProcessMetrics } from './process-metrics.js';

/** The metrics of an application; every module that imports it adds its own to the same page. */
@Module({ providers: [Metrics, MetricsPage, ProcessMetrics], exports: [Metrics, MetricsPage] })
export class MetricsModule {}
