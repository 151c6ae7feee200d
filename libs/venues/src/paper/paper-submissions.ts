import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import { amount } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  ORDER_TYPES,
  type PreparedOrder,
  REJECT_CODES,
  type RejectCode,
  type SubmitOptions,
  type SubmitResult,
  TIMES_IN_FORCE,
} from '../port/venue.types.js';
import type { Exchange } from './exchange.js';
import type { NewOrder, PaperBehaviour, PaperOrder } from './exchange.types.js';
import { LONGEST_WAY_MS } from './paper-network.js';
import { PaperReads } from './paper-reads.js';
import { PaperRecords } from './paper-records.js';
import { venueOrderOf } from './rows.js';

/** An order that is held up for longer than its way is lost, as on a network: nothing may arrive long after its send-by time. */
const HELD_UP_MS = 1_000;
/** An order that arrives in time is committed within it, or never: the server ends sessions that sit idle in a transaction. */
const COMMIT_MS = 1_000;

/** After it an order that was sent in time is in the records or will never be. */
export const READ_LAG_MS = LONGEST_WAY_MS + HELD_UP_MS + COMMIT_MS;

const payloadSchema = z.object({
  market: z.string(),
  outcome: z.string(),
  side: z.enum(['BUY', 'SELL']),
  type: z.enum(ORDER_TYPES),
  price: z.string().nullable(),
  quantity: z.string(),
  timeInForce: z.enum(TIMES_IN_FORCE),
  expiresAt: z.string().nullable(),
  postOnly: z.boolean(),
  reduceOnly: z.boolean(),
});

interface Arrival {
  readonly result: SubmitResult;
  readonly acknowledgement: PaperBehaviour['acknowledgement'];
}

/** Takes orders to the paper venue and brings the answers back, or does not, as its behaviour says. */
@Injectable()
export class PaperSubmissions {
  constructor(
    private readonly records: PaperRecords,
    private readonly reads: PaperReads,
    private readonly settings: Settings,
  ) {}

  async submit(prepared: PreparedOrder, { signal, sendBy }: SubmitOptions): Promise<SubmitResult> {
    const order = orderIn(prepared);
    if (order === null) return notSent('its payload is not of this venue');
    let read: Awaited<ReturnType<PaperReads['behaviourNow']>>;
    try {
      read = await this.reads.behaviourNow();
    } catch {
      return notSent('the records of the venue cannot be reached');
    }
    if (signal.aborted) return notSent('sending was called off');
    const { behaviour, now } = read;
    const leftMs = sendBy.getTime() - Date.now();
    if (leftMs < 0) return notSent('the time to send it by had passed');
    // As over a network: from here on nobody can know.
    if (behaviour.mode === 'down') return unknown('the connection was lost');
    return this.awaitAnswer(this.carry(order, behaviour, new Date(now.getTime() + leftMs)), signal);
  }

  /**
   * The order goes its way whether or not anybody still waits for the answer.
   * @param sendBy by the venue's clock, which says when the order arrives
   */
  private async carry(order: NewOrder, { latencyMs }: PaperBehaviour, sendBy: Date): Promise<SubmitResult> {
    const way = Math.min(latencyMs / 2, LONGEST_WAY_MS);
    await delay(way);
    const deadline = new Date(sendBy.getTime() + way + HELD_UP_MS);
    const { result, acknowledgement } = await this.records.change(
      { markets: [order.market], keys: [order.clientKey] },
      (exchange) => arrive(exchange, order, deadline),
    );
    if (acknowledgement === 'lost') return new Promise(() => undefined);
    const late = acknowledgement === 'late' ? this.settings.venueSubmitTimeoutMs : 0;
    await delay(latencyMs - way + late, undefined, { ref: false });
    return result;
  }

  private async awaitAnswer(answer: Promise<SubmitResult>, signal: AbortSignal): Promise<SubmitResult> {
    const timeoutMs = this.settings.venueSubmitTimeoutMs;
    const over = new AbortController();
    const silence = delay(timeoutMs, unknown(`no answer within ${timeoutMs} ms`), {
      signal: AbortSignal.any([signal, over.signal]),
    }).catch(() => unknown('waiting for the answer was called off'));
    try {
      return await Promise.race([answer.catch(() => unknown('the venue failed')), silence]);
    } finally {
      over.abort();
    }
  }
}

function arrive(exchange: Exchange, order: NewOrder, deadline: Date): Arrival {
  const { acknowledgement } = exchange.state.behaviour;
  const before = exchange.state.known.get(order.clientKey);
  if (before !== undefined) return { acknowledgement, result: resultOf(before, 'it was refused before') };
  if (exchange.now > deadline) return { acknowledgement, result: notSent('it was held up on its way and lost') };
  const { order: taken, rejection } = exchange.submit(order);
  return { acknowledgement, result: resultOf(taken, rejection?.message ?? '') };
}

function resultOf(order: PaperOrder, message: string): SubmitResult {
  const { status, reason, filledQuantity } = order;
  if (status === 'REJECTED') return { kind: 'REJECTED', code: rejectCodeOf(reason), message };
  const isKilled = filledQuantity.isZero() && (reason === 'IOC_REMAINDER' || reason === 'FOK_NOT_FILLED');
  return isKilled
    ? { kind: 'KILLED', reason, order: venueOrderOf(order) }
    : { kind: 'ACCEPTED', order: venueOrderOf(order) };
}

function rejectCodeOf(reason: string | null): RejectCode {
  return REJECT_CODES.find((code) => code === reason) ?? 'VENUE_REJECTED';
}

function orderIn({ dedupeKey, payload }: PreparedOrder): NewOrder | null {
  const parsed = payloadSchema.safeParse(payload);
  if (!parsed.success) return null;
  const { price, quantity, expiresAt, ...order } = parsed.data;
  return {
    ...order,
    clientKey: dedupeKey,
    price: price === null ? null : amount(price),
    quantity: amount(quantity),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  };
}

function notSent(message: string): SubmitResult {
  return { kind: 'REJECTED', code: 'NOT_SENT', message };
}

function unknown(message: string): SubmitResult {
  return { kind: 'UNKNOWN', message };
}
