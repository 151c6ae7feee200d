import { FLATTEN_STATUSES, type FlattenPlanView } from '@interlock/orders';
import type { AmountInput } from '@interlock/venues';
import { ApiProperty } from '@nestjs/swagger';
import { COUNT, DECIMAL_PATTERN, ID, OK, TIME } from '../docs/fields.js';
import { Optional, PriceDistance, TextUpTo } from '../http/constraints.js';
import { KillSwitchScope, SCOPE_PATTERN } from './kill-switch.dto.js';

/** What to flatten. An empty body flattens everything, at any price. */
export class FlattenBody {
  /** `global`, `mode:…`, `venue:…` or `strategy:…`: whose orders are canceled and whose positions are sold. */
  @Optional()
  @KillSwitchScope()
  scope: string = 'global';

  /**
   * Why; shown with the switch.
   * @example 'leaving before the announcement'
   */
  @Optional()
  @TextUpTo(500)
  reason?: string;

  /** How far below the best bid at its beginning the plan may sell. When absent it sells at any bid. */
  @Optional()
  @PriceDistance()
  collar?: AmountInput;
}

export class FlattenPlan {
  @ApiProperty(ID)
  planId!: string;

  /** @example 'global' */
  @ApiProperty({ pattern: SCOPE_PATTERN })
  scope!: string;

  @ApiProperty({ enum: FLATTEN_STATUSES })
  status!: FlattenPlanView['status'];

  /**
   * How far below the first best bid it may sell, of the request that began it; null when it sells at any bid.
   * @example '0.05'
   */
  @ApiProperty({ type: String, nullable: true, pattern: DECIMAL_PATTERN })
  collar!: string | null;

  /**
   * Why it cannot go on; null unless it is `FAILED`.
   * @example 'closed to trading: rain at paper'
   */
  @ApiProperty()
  failure!: string | null;

  /** Orders under the scope that were canceled for it. */
  @ApiProperty(COUNT)
  ordersCanceled!: number;

  /** Positions under the scope that hold shares; of a plan that is `DONE`, what is less than its market takes. */
  @ApiProperty(COUNT)
  positionsLeft!: number;

  @ApiProperty(TIME)
  createdAt!: string;

  /** Null while it runs. */
  @ApiProperty(TIME)
  finishedAt!: string | null;
}

export class FlattenAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  plan!: FlattenPlan;
}
