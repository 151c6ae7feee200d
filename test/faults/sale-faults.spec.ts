import { describeFaults } from './describe-faults.js';
import { SALE_FAULTS } from './flatten-faults.js';

describeFaults('faults of flattening, while it sells', SALE_FAULTS, {
  environment: () => ({ ORDER_RATE_LIMIT_PER_MIN: '1000000' }),
});
