import {
  ACKNOWLEDGEMENTS,
  type AmountInput,
  FEE_RULES,
  type FeeSchedule,
  MARKET_STATUSES,
  type MarketStatus,
  PAPER_MODES,
  type PaperBehaviour,
  type Side,
} from '@interlock/venues';
import { Amount, constraint, Instant, JsonObject, OneOf, Optional, SignedAmount } from '../http/constraints.js';
import { PageQuery } from '../http/page.dto.js';

function Texts(): PropertyDecorator {
  const test = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string');
  return constraint('texts', 'must be a list of texts', test, { type: 'array', items: { type: 'string' } });
}

function Text(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'string' && value.length >= 1 && value.length <= 128;
  return constraint('text', 'must be a text of 1 to 128 characters', test, {
    type: String,
    minLength: 1,
    maxLength: 128,
  });
}

function WholeNumber(minimum: number, maximum: number): PropertyDecorator {
  const test = (value: unknown) => Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
  const allowed = `must be a whole number from ${minimum} to ${maximum}`;
  return constraint('wholeNumber', allowed, test, { type: 'integer', minimum, maximum });
}

function Share(): PropertyDecorator {
  const test = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;
  return constraint('share', 'must be a number from 0 to 1', test, { type: Number, minimum: 0, maximum: 1 });
}

/** A market of the paper venue: its rules, and what others offer in it. */
export class PutPaperMarketBody {
  /**
   * Ids of its outcomes; they stay what they are.
   * @example ['YES', 'NO']
   */
  @Texts()
  outcomes!: string[];

  /** How takers are charged. */
  @OneOf(FEE_RULES)
  rules!: FeeSchedule['rules'];

  /** Of the rules `polymarket`, 0 to 1. */
  @Optional()
  @Amount()
  feeRate: AmountInput = '0';

  /** Of the rules `polymarket`, 0 to 10. */
  @Optional()
  @Amount()
  feeExponent: AmountInput = 1;

  /**
   * Prices of orders must be multiples of it.
   * @example '0.01'
   */
  @Amount()
  tick!: AmountInput;

  /**
   * Least quantity of an order.
   * @example '5'
   */
  @Amount()
  minQuantity!: AmountInput;

  /** Only an OPEN market trades. */
  @OneOf(MARKET_STATUSES)
  status!: MarketStatus;

  /** From then on it does not trade. */
  @Optional()
  @Instant()
  closesAt?: string;

  /** By outcome `{ bids: [[price, quantity]…], asks: […] }`, in any order; an outcome that is left out has an empty book. */
  @Optional()
  @JsonObject()
  books: Record<string, unknown> = {};
}

/** A trade between others. */
export class PaperTradeBody {
  /** @example 'YES' */
  @Text()
  outcome!: string;

  /** Of the one who took. */
  @OneOf(['BUY', 'SELL'])
  side!: Side;

  /** @example '0.4' */
  @Amount()
  price!: AmountInput;

  /** @example '12' */
  @Amount()
  quantity!: AmountInput;
}

/** How a market ends. */
export class SettlePaperMarketBody {
  /** What a share of each outcome pays, 0 to 1 each and 1 together. */
  @JsonObject()
  payouts!: Record<string, unknown>;
}

/** Cash that comes to the paper venue, or goes. */
export class PaperTransferBody {
  /**
   * Above 0 it is put in, below 0 taken out.
   * @example '250'
   */
  @SignedAmount()
  amount!: AmountInput;
}

/** How the paper venue is to behave. What is left out is as it is by default. */
export class PaperBehaviourBody {
  /** From a question to its answer, in milliseconds. */
  @Optional()
  @WholeNumber(0, 60_000)
  latencyMs: number = 50;

  /** Of orders: `late` is after VENUE_SUBMIT_TIMEOUT_MS, `lost` never. */
  @Optional()
  @OneOf(ACKNOWLEDGEMENTS)
  acknowledgement: PaperBehaviour['acknowledgement'] = 'normal';

  /** Share of orders that are refused for no reason. */
  @Optional()
  @Share()
  rejectRate: number = 0;

  /** `down` answers nothing. */
  @Optional()
  @OneOf(PAPER_MODES)
  mode: PaperBehaviour['mode'] = 'open';

  /** With the same seed the same orders are refused. */
  @Optional()
  @WholeNumber(0, Number.MAX_SAFE_INTEGER)
  seed: number = 0;
}

export class PaperOrdersQuery extends PageQuery {
  /** Orders of this market. */
  @Optional()
  @Text()
  market?: string;

  /** `true`: working ones only; `false`: ended ones only. */
  @Optional()
  @OneOf(['true', 'false'])
  working?: 'true' | 'false';
}
