import type { PlaceOrderResult } from '@interlock/orders';
import { killSwitchAnswer } from '../execution/kill-switch.dto.js';
import { ApiError, invalid, SOON } from '../http/api-error.js';
import type { PlacedOrderAnswer, RefusedOrderAnswer } from './orders.dto.js';

/** The answer to one order: the order, or the error that it is refused with. */
export function answerTo(result: PlaceOrderResult): PlacedOrderAnswer | ApiError {
  switch (result.kind) {
    case 'admitted':
      return { ok: true, order: result.order };
    case 'replayed':
      return { ok: true, order: result.order, replayed: true };
    case 'key-reused': {
      const { orderId } = result;
      return new ApiError('IDEMPOTENCY_KEY_REUSED', 'The key belongs to an order with other parameters.', { orderId });
    }
    case 'invalid':
      return invalid(result.fieldErrors);
    case 'kill-switch': {
      const killSwitch = killSwitchAnswer(result.killSwitch);
      const doing = killSwitch.level === 'reduce' ? 'reducing' : 'halted';
      return new ApiError('KILL_SWITCH_ON', `Orders are refused: ${killSwitch.scope} is ${doing}.`, { killSwitch });
    }
    case 'refused':
      return new ApiError(result.refusal.code, result.refusal.message, { details: result.refusal.details });
    case 'unavailable':
      return new ApiError('RISK_STATE_UNAVAILABLE', result.message, {}, SOON);
  }
}

/** A refusal among the results of several orders. */
export function refusedAmongOthers({ code, message, fields }: ApiError): RefusedOrderAnswer {
  const { details, ...rest } = fields;
  return { ok: false, code, message, ...rest, ...(details === undefined ? {} : { details }) } as RefusedOrderAnswer;
}
