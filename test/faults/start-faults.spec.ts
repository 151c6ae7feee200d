import { describeFaults } from './describe-faults.js';
import { START_FAULTS } from './start-faults.js';

describeFaults('faults of starts', START_FAULTS, { up: ['worker-0'] });
