import { FAULT_POINTS } from '@interlock/observability';
import { ALERT_FAULTS } from './alert-faults.js';
import { FLATTEN_FAULTS, SALE_FAULTS } from './flatten-faults.js';
import { ORDER_FAULTS } from './order-faults.js';
import { LEASE_FAULTS, RUN_FAULTS } from './run-faults.js';
import { START_FAULTS } from './start-faults.js';
import { STOP_FAULTS } from './stop-faults.js';

/** Each scenario checks for itself that its points were really struck. */
it('every fault point has a scenario that visits it', () => {
  const scenarios = [
    START_FAULTS,
    RUN_FAULTS,
    LEASE_FAULTS,
    STOP_FAULTS,
    ALERT_FAULTS,
    ORDER_FAULTS,
    FLATTEN_FAULTS,
    SALE_FAULTS,
  ].flat();
  const visited = new Set(scenarios.flatMap(({ points }) => points));
  expect([...visited].toSorted()).toEqual(FAULT_POINTS.toSorted());
});
