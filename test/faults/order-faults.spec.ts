import { describeFaults } from './describe-faults.js';
import { ORDER_FAULTS } from './order-faults.js';

describeFaults('faults of orders', ORDER_FAULTS);
