import { isWorking, ORDER_STATUSES, orderCanBecome, statusAfterFill, WORKING_STATUSES } from './order.js';

describe('the statuses of an order', () => {
  it('O3 end in one that never changes', () => {
    expect(ORDER_STATUSES.filter((status) => !isWorking(status))).toEqual([
      'FILLED',
      'CANCELED',
      'REJECTED',
      'EXPIRED',
    ]);
    for (const status of WORKING_STATUSES) expect(ORDER_STATUSES.some((to) => orderCanBecome(status, to))).toBe(true);
  });

  it('O2 never go from UNKNOWN back to where the order would be sent again', () => {
    expect(orderCanBecome('UNKNOWN', 'ADMITTED')).toBe(false);
    expect(orderCanBecome('UNKNOWN', 'SUBMITTED')).toBe(false);
    expect(ORDER_STATUSES.filter((status) => orderCanBecome(status, 'SUBMITTED'))).toEqual(['ADMITTED']);
    expect(ORDER_STATUSES.filter((status) => orderCanBecome(status, 'ADMITTED'))).toEqual([]);
  });

  it('O3 reach every status, and no final one from nowhere', () => {
    const reached = new Set(['ADMITTED']);
    for (let before = 0; before < reached.size;) {
      before = reached.size;
      for (const from of ORDER_STATUSES) {
        if (reached.has(from)) for (const to of ORDER_STATUSES) if (orderCanBecome(from, to)) reached.add(to);
      }
    }
    expect([...reached].toSorted()).toEqual([...ORDER_STATUSES].toSorted());
  });

  it('after a fill are such as the table allows', () => {
    for (const status of WORKING_STATUSES.filter((one) => one !== 'ADMITTED')) {
      for (const whole of [false, true]) expect(orderCanBecome(status, statusAfterFill(status, whole))).toBe(true);
    }
    expect(statusAfterFill('CANCELED', true)).toBe('CANCELED');
    expect(statusAfterFill('CANCEL_PENDING', false)).toBe('CANCEL_PENDING');
    expect(statusAfterFill('UNKNOWN', false)).toBe('PARTIALLY_FILLED');
  });
});
