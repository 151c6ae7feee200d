import { setTimeout as delay } from 'node:timers/promises';
import { NAME_PATTERN } from '@interlock/config';
import {
  conflictsIn,
  GetOrder,
  isWorking,
  type OrderView,
  type PlaceOrderResult,
  timeInForceOf,
} from '@interlock/orders';
import { isMarketId, parseAmount } from '@interlock/venues';
import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { z } from 'zod';
import {
  type InputVerdict,
  Pipeline,
  type PipelineContext,
  PipelineFailed,
  type PipelineResult,
  type RunOrder,
} from '../pipeline.js';
import { haltSentence } from '../start-blocked.js';

const LOOK_EVERY_MS = 250;
/** Every field is told as what it must be. */
const must = (text: string) => ({ error: `must ${text}` });
const id = z.custom<string>(isMarketId, must('be 1 to 128 visible ASCII characters without blanks'));
const amountBetween = (test: (value: number) => boolean, text: string) =>
  z
    .unknown()
    .refine((value) => test(Number(parseAmount(value))), must(text))
    .transform((value) => parseAmount(value)?.toFixed() ?? '');

const orderSchema = z
  .strictObject({
    venue: z.string().regex(NAME_PATTERN, must('be a name')).default('paper'),
    market: id,
    outcome: id,
    side: z.enum(['BUY', 'SELL'], must('be BUY or SELL')),
    type: z.enum(['limit', 'market'], must('be limit or market')).default('limit'),
    price: amountBetween((value) => value > 0 && value < 1, 'lie between 0 and 1, with at most 8 decimals').optional(),
    quantity: amountBetween((value) => value > 0, 'be greater than 0 and at most 1e12, with at most 8 decimals'),
    timeInForce: z.enum(['GTC', 'GTD', 'IOC', 'FOK'], must('be GTC, GTD, IOC or FOK')).optional(),
    expiresAt: z.iso.datetime({ offset: true, ...must('be a time as in ISO 8601') }).optional(),
    postOnly: z.boolean(must('be true or false')).default(false),
    reduceOnly: z.boolean(must('be true or false')).default(false),
  })
  .superRefine((order, context) => {
    for (const [field, messages] of Object.entries(conflictsIn(order)))
      for (const message of messages) context.addIssue({ code: 'custom', path: [field], message });
  });

const inputSchema = z.strictObject({
  orders: z
    .array(orderSchema, must('be a list of 1 to 50 orders'))
    .min(1, must('be a list of 1 to 50 orders'))
    .max(50, must('be a list of 1 to 50 orders')),
});

/** What became of a wish, as it is stored with its stage. */
type Placed = { orderId: string } | { refused: string; message: string };

/**
 * Places the orders of its input for the run's strategy, and follows them to their ends. Those that the gate refuses are told in the
 * report and keep none of the others. Orders outlive a run that is cancelled.
 */
@Injectable()
export class OrdersPipeline extends Pipeline {
  readonly name = 'orders';
  /** Orders may rest for as long as they like. */
  override readonly expectedDurationMs = 30 * 86_400_000;

  constructor(private readonly queries: QueryBus) {
    super();
  }

  checkInput(input: Record<string, unknown>): Promise<InputVerdict> {
    const parsed = inputSchema.safeParse(input);
    // As it was asked for: what is stored is compared when the start is repeated.
    if (parsed.success) return Promise.resolve({ ok: true, input });
    const fieldErrors: Record<string, string[]> = {};
    for (const issue of parsed.error.issues) {
      for (const [field, message] of described(issue)) fieldErrors[field] = [...(fieldErrors[field] ?? []), message];
    }
    return Promise.resolve({ ok: false, fieldErrors });
  }

  async run({ params, signal, stage, placeOrders }: PipelineContext): Promise<PipelineResult> {
    const { orders } = inputSchema.parse(params.input);
    const placed = await stage('place', async () => (await placeOrders(orders.map(runOrderOf))).map(placedOf));
    const orderIds = placed.flatMap((one) => ('orderId' in one ? [one.orderId] : []));
    await stage('follow', async (progress) => {
      for (;;) {
        const views = await this.look(orderIds);
        const done = views.filter(({ status }) => !isWorking(status)).length;
        progress({ done, total: orderIds.length, unit: 'orders' });
        if (done === orderIds.length) return null;
        await delay(LOOK_EVERY_MS, undefined, { signal });
      }
    });
    const ended = new Map((await this.look(orderIds)).map((order) => [order.orderId, order]));
    return { report: { orders: placed.map((one) => ('orderId' in one ? ended.get(one.orderId) : one)) } };
  }

  private async look(orderIds: readonly string[]): Promise<OrderView[]> {
    const found = await Promise.all(orderIds.map((orderId) => this.queries.execute(new GetOrder(orderId))));
    return found.filter((order) => order !== null);
  }
}

function runOrderOf(order: z.infer<typeof orderSchema>, index: number): RunOrder {
  const { price, expiresAt, ...rest } = order;
  return {
    ...rest,
    decision: `${index + 1}`,
    price: price ?? null,
    timeInForce: timeInForceOf(order),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
  };
}

/** @throws PipelineFailed when the guards cannot judge now: to be tried again, under the same keys */
function placedOf(result: PlaceOrderResult): Placed {
  switch (result.kind) {
    case 'admitted':
    case 'replayed':
      return { orderId: result.order.orderId };
    case 'refused':
      return { refused: result.refusal.code, message: result.refusal.message };
    case 'kill-switch':
      return { refused: 'KILL_SWITCH_ON', message: haltSentence(result.killSwitch) };
    case 'invalid':
      return {
        refused: 'VALIDATION_FAILED',
        message: Object.entries(result.fieldErrors)
          .map(([field, messages]) => `${field} ${messages.join(', ')}`)
          .join('; '),
      };
    case 'key-reused':
      throw new PipelineFailed({ stage: 'place', reason: `its key has the other order ${result.orderId}` }, false);
    case 'unavailable':
      throw new PipelineFailed({ stage: 'place', reason: result.message }, true);
  }
}

/** Issues as `input.orders.0.price`. */
function described(issue: z.core.$ZodIssue): [field: string, message: string][] {
  const at = ['input', ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [`${at}.${key}`, 'is not a known field']);
  return [[at, issue.message]];
}
