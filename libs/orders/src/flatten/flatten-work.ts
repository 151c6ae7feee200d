import { type KillSwitch, KillSwitches } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { amount, amountText, type Transaction, Transactions } from '@interlock/persistence';
import { MarketQuotes, type StoredMarketQuote } from '@interlock/venues';
import { Injectable, Logger } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type OrderRequest, PlaceOrders, type PlaceOrderResult } from '../place-orders.js';
import { SweepOrders } from '../sweep/sweep-orders.js';
import { SweptOrders } from '../sweep/swept-orders.js';
import { type FlattenStatus, saleIdOf, saleIdsOf } from './flatten-plan.js';
import { FlattenPlans, type HeldPlan, PlanLost, type PlanPosition } from './flatten-plans.repository.js';
import { type NextSale, nextSale } from './next-sale.js';

/** Longest time of one sweep; a venue that is down delays the sale of nothing that lies elsewhere by more. */
const SWEEP_MS = 2_000;
/** A sale that was refused is not tried again before. */
const AFTER_REFUSAL_MS = 1_000;

/** Whatever guards were seen to allow one sale of a position, and when it may be tried again. */
interface Experience {
  readonly mostQuantity: string | null;
  readonly mostValue: string | null;
  readonly notBefore: number;
}

/** One look at a plan's positions: what to sell of each now. */
interface Look {
  readonly sales: readonly { position: PlanPosition; sale: NextSale }[];
  readonly status: FlattenStatus;
}

/**
 * Carries flatten plans on, one step at a time: cancels what works under the scope, and sells what is held, at the best bid, as much as
 * it shows, again and again. What was done is told by orders and positions alone, and each sale has a key of its own, so that a worker
 * that takes over after a crash goes on where the one before was and sells nothing twice.
 */
@Injectable()
export class FlattenWork {
  private readonly logger = new Logger('flatten');
  private readonly experiences = new Map<string, Experience>();

  constructor(
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly plans: FlattenPlans,
    private readonly swept: SweptOrders,
    private readonly quotes: MarketQuotes,
    private readonly commands: CommandBus,
    private readonly events: OpsEvents,
  ) {}

  /**
   * One step of each plan that this worker has or can take.
   * @returns how many plans there are to go on with
   */
  async carryOn(worker: string): Promise<number> {
    const held = await this.transactions.run((tx) => this.plans.hold(tx, worker));
    const steps = await Promise.all(held.map((plan) => this.stepOrTell(plan)));
    return steps.filter(Boolean).length;
  }

  /** Lets other workers go on with this one's plans at once. */
  release(worker: string): Promise<void> {
    return this.transactions.run((tx) => this.plans.release(tx, worker));
  }

  private async stepOrTell(plan: HeldPlan): Promise<boolean> {
    try {
      return await this.step(plan);
    } catch (error) {
      if (error instanceof PlanLost)
        this.logger.log({ planId: plan.id }, 'a plan was let go of: it is over, or not ours');
      else this.logger.warn({ err: error, planId: plan.id }, 'a step failed; it is tried again');
      return true;
    }
  }

  /** @returns whether it goes on */
  private async step(plan: HeldPlan): Promise<boolean> {
    faultPoint('flatten-before-cancel');
    await this.cancelOthers(plan);
    const { sales, status } = await this.transactions.run((tx) => this.look(tx, plan));
    for (const { position, sale } of sales) if (sale.kind === 'sell') await this.sell(plan, position, sale);
    return status === 'RUNNING';
  }

  /** Whatever works under the scope and is no sale of this plan: it would buy anew, or keep shares from being sold. */
  private async cancelOthers(plan: HeldPlan): Promise<void> {
    const { scope, createdAt: since } = plan;
    const orders = { scope, level: 'halt', sparing: saleIdsOf(plan.id) } as const;
    const working = await this.transactions.run((tx) => this.swept.countWorking(tx, orders));
    if (working > 0) {
      await this.commands.execute(new SweepOrders({ ...orders, since, withinMs: SWEEP_MS, foreign: false }));
    }
    await this.transactions.run(async (tx) => {
      const { ordersCanceled } = await this.swept.effect(tx, orders, [], since);
      await this.plans.storeCanceled(tx, plan, ordersCanceled);
    });
  }

  private async look(tx: Transaction, plan: HeldPlan): Promise<Look> {
    await this.plans.confirm(tx, plan);
    const killSwitch = await this.switches.read(tx, plan.scope);
    // Before the positions: what an order that ends meanwhile has bought would else be in neither, and the plan be over too soon.
    const working = await this.plans.countWorkingOrders(tx, plan.scope);
    const positions = await this.plans.positions(tx, plan);
    const ended = positions.filter(({ sale }) => sale === 'ended').map(({ number }) => number);
    if (ended.length > 0) faultPoint('flatten-sale-ended');
    await this.plans.beginNextAttempts(tx, plan.id, ended);
    const quotes = await this.quotes.read(tx, positions);
    // The attempt after one that has ended is made in the next step, when it is stored.
    const sales = positions.map((position) => ({ position, sale: this.saleOf(plan, position, quotes) }));
    const { status, failure } = stateOf(killSwitch, sales, working);
    const view = await this.plans.storeProgress(tx, plan, positions.length, status, failure);
    if (status !== 'RUNNING') {
      await this.events.record(tx, {
        event: status === 'DONE' ? 'flatten_done' : 'flatten_failed',
        source: 'worker',
        reason: failure,
        details: { ...view },
      });
      faultPoint('flatten-before-end');
    }
    const isSelling = status === 'RUNNING' && killSwitch.level === 'reduce';
    return { status, sales: isSelling ? sales.filter(({ position }) => position.sale === 'none') : [] };
  }

  private saleOf(plan: HeldPlan, position: PlanPosition, quotes: readonly StoredMarketQuote[]): NextSale {
    const quote = quotes.find(
      ({ venue, market, outcome }) =>
        venue === position.venue && market === position.market && outcome === position.outcome,
    );
    const { mostQuantity = null, mostValue = null } = this.experiences.get(keyOf(plan, position)) ?? {};
    return nextSale(position, quote, {
      collar: plan.collar,
      referenceBid: position.referenceBid,
      mostQuantity: mostQuantity === null ? null : amount(mostQuantity),
      mostValue: mostValue === null ? null : amount(mostValue),
    });
  }

  private async sell(plan: HeldPlan, position: PlanPosition, sale: Extract<NextSale, { kind: 'sell' }>): Promise<void> {
    const key = keyOf(plan, position);
    if ((this.experiences.get(key)?.notBefore ?? 0) > performance.now()) return;
    const { strategy, venue, market, outcome, number, attempt } = position;
    const order: OrderRequest = {
      strategy,
      venue,
      market,
      outcome,
      side: 'SELL',
      type: 'limit',
      price: amountText(sale.price),
      quantity: amountText(sale.quantity),
      timeInForce: 'IOC',
      expiresAt: null,
      postOnly: false,
      reduceOnly: true,
      clientOrderId: saleIdOf(plan.id, number, attempt),
    };
    faultPoint('flatten-before-sale');
    const confirm = (tx: Transaction): Promise<void> => this.confirmSelling(tx, plan);
    const [result] = await this.commands.execute(new PlaceOrders([order], plan.createdBy, null, confirm));
    if (result?.kind === 'admitted') faultPoint('flatten-after-sale');
    if (result !== undefined) this.learn(key, plan, result);
  }

  /**
   * Without it a worker that stood still since it looked would sell after the switch was released, or for a plan that is over.
   * The sale's admission holds the switch's shared lock.
   * @throws PlanLost
   */
  private async confirmSelling(tx: Transaction, plan: HeldPlan): Promise<void> {
    await this.plans.confirm(tx, plan);
    const { level } = await this.switches.read(tx, plan.scope);
    if (level !== 'reduce') throw new PlanLost(`the switch ${plan.scope} does not stand at reduce`);
  }

  /** Refusals pass: rates sink, data come. Where an order was too large, the next one is as large as allowed. */
  private learn(key: string, plan: HeldPlan, result: PlaceOrderResult): void {
    if (result.kind === 'admitted' || result.kind === 'replayed' || result.kind === 'key-reused') return;
    const before = this.experiences.get(key) ?? { mostQuantity: null, mostValue: null };
    const { code, limit } =
      result.kind === 'refused' ? { code: result.refusal.code, limit: result.refusal.details.limit } : {};
    const isSize = code === 'MAX_ORDER_QUANTITY_EXCEEDED' || code === 'MAX_ORDER_VALUE_EXCEEDED';
    this.experiences.set(key, {
      mostQuantity: code === 'MAX_ORDER_QUANTITY_EXCEEDED' ? (limit ?? null) : before.mostQuantity,
      mostValue: code === 'MAX_ORDER_VALUE_EXCEEDED' ? (limit ?? null) : before.mostValue,
      notBefore: isSize ? 0 : performance.now() + AFTER_REFUSAL_MS,
    });
    this.logger.debug({ planId: plan.id, refusal: result }, 'a sale is not admitted now');
  }
}

/** Whether the plan is over: flat but for dust and nothing works, or nothing of what is left can ever be sold. */
function stateOf(
  killSwitch: KillSwitch,
  sales: readonly { position: PlanPosition; sale: NextSale }[],
  working: number,
): { status: FlattenStatus; failure?: string } {
  if (!killSwitch.enabled) return { status: 'FAILED', failure: `the switch ${killSwitch.scope} was turned off` };
  const left = sales.filter(({ sale }) => sale.kind !== 'dust');
  if (working > 0 || left.some(({ sale }) => sale.kind !== 'closed')) return { status: 'RUNNING' };
  if (left.length === 0) return { status: 'DONE' };
  const markets = [...new Set(left.map(({ position }) => `${position.market} at ${position.venue}`))];
  return { status: 'FAILED', failure: `closed to trading: ${markets.slice(0, 5).join(', ')}` };
}

function keyOf({ id }: HeldPlan, { number }: PlanPosition): string {
  return `${id} ${number}`;
}
