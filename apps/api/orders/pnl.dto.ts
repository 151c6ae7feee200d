import { type Mode, MODES } from '@interlock/kill-switch';
import type { PnlDay } from '@interlock/orders';
import { ApiProperty } from '@nestjs/swagger';
import { OK } from '../docs/fields.js';
import { Day, Name, OneOf, Optional } from '../http/constraints.js';
import { AMOUNT } from './orders.dto.js';

const DAY = { type: 'string', format: 'date', example: '2026-11-23' } as const;

export class PnlQuery {
  /** The first day, in the time zone of `RISK_DAY_TIMEZONE`; 29 days before the last one when absent. */
  @Optional()
  @Day()
  from?: string;

  /** The last day; today when absent. */
  @Optional()
  @Day()
  to?: string;

  /** Only of this strategy. */
  @Optional()
  @Name()
  strategy?: string;

  /** Only of this mode; all together when absent. */
  @Optional()
  @OneOf(MODES)
  mode?: Mode;
}

export class PnlDayBody implements PnlDay {
  /** In the time zone of the answer. */
  @ApiProperty(DAY)
  day!: string;

  /** Of sales and settlements booked on that day, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '-4.5' })
  realized!: string;

  @ApiProperty({ ...AMOUNT, example: '0.25' })
  fees!: string;

  /** realized − fees. */
  @ApiProperty({ ...AMOUNT, example: '-4.75' })
  net!: string;

  /** The absolute sum of the negative results: what the daily-loss guards compare. */
  @ApiProperty({ ...AMOUNT, example: '6.25' })
  loss!: string;
}

export class PnlAnswer {
  @ApiProperty(OK)
  ok!: true;

  /**
   * In which days are counted.
   * @example 'UTC'
   */
  @ApiProperty()
  timezone!: string;

  /** The first day that is told of. */
  @ApiProperty(DAY)
  from!: string;

  /** The last day that is told of. */
  @ApiProperty(DAY)
  to!: string;

  /** Null: all modes together. */
  @ApiProperty({ enum: MODES })
  mode!: Mode | null;

  /** Of these days, fees apart. */
  @ApiProperty({ ...AMOUNT, example: '-4.5' })
  realized!: string;

  @ApiProperty({ ...AMOUNT, example: '0.25' })
  fees!: string;

  /** realized − fees. */
  @ApiProperty({ ...AMOUNT, example: '-4.75' })
  net!: string;

  /** Of what is held now, at the best bids, whatever the days; null when for something held nobody bids. */
  @ApiProperty({ ...AMOUNT, example: '0.35' })
  unrealized!: string | null;

  /** Those on which something was booked, the first one first. */
  @ApiProperty()
  days!: PnlDayBody[];
}
