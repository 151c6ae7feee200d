import { describeFaults } from './describe-faults.js';
import { LEASE_FAULTS } from './run-faults.js';

describeFaults('faults of leases', LEASE_FAULTS);
