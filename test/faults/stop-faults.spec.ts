import { describeFaults } from './describe-faults.js';
import { STOP_FAULTS } from './stop-faults.js';

describeFaults('faults of stops', STOP_FAULTS);
