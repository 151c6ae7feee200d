import { describeFaults } from './describe-faults.js';
import { RUN_FAULTS } from './run-faults.js';

describeFaults('faults of runs', RUN_FAULTS);
