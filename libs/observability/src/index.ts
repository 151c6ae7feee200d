export { correlated, type Correlation, correlation } from './correlation.js';
export { measureHealth, type PartHealth } from './health.js';
export { LoggingModule } from './logging.module.js';
