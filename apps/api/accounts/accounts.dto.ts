import { type Mode, MODES } from '@interlock/kill-switch';
import type { AccountView, TransferView } from '@interlock/orders';
import type { AmountInput } from '@interlock/venues';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { DECIMAL_PATTERN, ID, NAME, OK, TIME } from '../docs/fields.js';
import { IdempotencyKey, KEY_PATTERN } from '../execution/idempotency-key.js';
import { Optional, Reason, SignedAmount } from '../http/constraints.js';
import { NEXT_CURSOR } from '../http/page.dto.js';

const AMOUNT = { type: 'string', pattern: DECIMAL_PATTERN } satisfies ApiPropertyOptions;
const VENUE = { ...NAME, example: 'paper' } satisfies ApiPropertyOptions;
const ACCOUNT = { type: 'string', example: 'default' } satisfies ApiPropertyOptions;

/** A deposit or withdrawal that was made at the venue. */
export class BookTransferBody {
  /**
   * In units of collateral: above 0 a deposit, below 0 a withdrawal.
   * @example '250'
   */
  @SignedAmount()
  amount!: AmountInput;

  /**
   * Why, or where it came from; it is kept with the transfer and told in the event.
   * @example 'monthly funding'
   */
  @Reason()
  reason!: string;

  /**
   * Required, here or in the header `idempotency-key`: any number of requests with one key and account book one transfer. The venue's
   * own reference of the transfer suits best.
   * @example 'wire-2026-11-23'
   */
  @Optional()
  @IdempotencyKey()
  idempotencyKey?: string;
}

export class AccountBody implements AccountView {
  @ApiProperty(VENUE)
  venue!: string;

  @ApiProperty(ACCOUNT)
  account!: string;

  /** That of its venue. */
  @ApiProperty({ enum: MODES })
  mode!: Mode;

  /** All of it, what is reserved included. */
  @ApiProperty({ ...AMOUNT, example: '9997.2' })
  cash!: string;

  /** What working buys may still cost, their highest fees included. */
  @ApiProperty({ ...AMOUNT, example: '1.2' })
  reserved!: string;

  /** Cash that nothing reserves: what new orders and withdrawals may use. */
  @ApiProperty({ ...AMOUNT, example: '9996' })
  free!: string;
}

export class AccountsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** By venue and account. */
  @ApiProperty()
  items!: AccountBody[];
}

export class TransferBody implements TransferView {
  @ApiProperty(ID)
  transferId!: string;

  @ApiProperty(VENUE)
  venue!: string;

  @ApiProperty(ACCOUNT)
  account!: string;

  /** Above 0 a deposit, below 0 a withdrawal. */
  @ApiProperty({ ...AMOUNT, example: '250' })
  amount!: string;

  /** What the account had after it. */
  @ApiProperty({ ...AMOUNT, example: '10247.2' })
  cash!: string;

  @ApiProperty({ type: 'string', example: 'monthly funding' })
  reason!: string;

  @ApiProperty({ type: 'string', pattern: KEY_PATTERN.source, example: 'wire-2026-11-23' })
  idempotencyKey!: string;

  /** Who booked it. */
  @ApiProperty({ type: 'string', example: 'rita' })
  bookedBy!: string;

  @ApiProperty(TIME)
  bookedAt!: string;
}

export class BookedTransferAnswer {
  @ApiProperty(OK)
  ok!: true;

  @ApiProperty()
  transfer!: TransferBody;

  /** True when the key's transfer had been booked before. */
  @ApiProperty({ type: Boolean, enum: [true] })
  replayed?: true;
}

export class TransfersAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Newest first. */
  @ApiProperty()
  items!: TransferBody[];

  /** For the next page; null on the last one. */
  @ApiProperty(NEXT_CURSOR)
  nextCursor!: string | null;
}
