import { describeFaults } from './describe-faults.js';
import { FLATTEN_FAULTS } from './flatten-faults.js';

describeFaults('faults of flattening', FLATTEN_FAULTS, {
  environment: () => ({ ORDER_RATE_LIMIT_PER_MIN: '1000000' }),
});
