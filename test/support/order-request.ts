import type { OrderRequest } from '../../libs/orders/src/place-orders.js';

/** A bid of `alpha` at the paper venue, for 10 YES of the market m at 0.5, unless told. */
export function orderRequest(rest: Partial<OrderRequest> = {}): OrderRequest {
  return {
    strategy: 'alpha',
    venue: 'paper',
    market: 'm',
    outcome: 'YES',
    side: 'BUY',
    type: 'limit',
    price: '0.5',
    quantity: '10',
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
    clientOrderId: null,
    ...rest,
  };
}
