import { Foundation1764000000000 } from './1764000000000-foundation.js';
import { Datasets1764000000001 } from './1764000000001-datasets.js';
import { AlertDeliveries1764000000003 } from './1764000000003-alert-deliveries.js';

/** Every migration, oldest first. They only go forward. */
export const migrations = [Foundation1764000000000, Datasets1764000000001, AlertDeliveries1764000000003];
