import type { Random } from './random.js';

const ORDER_STRATEGIES = ['s-0', 's-1', 's-2'] as const;

/**
 * Limits of the paper orders, low enough to refuse often: with them the schedule's orders meet every one again and again. The api's
 * and the worker's settings (run-chaos.ts); the checks compare what was stored with the same numbers.
 */
export const LIMITS = { position: 150, strategyExposure: 70, openOrders: 30, ordersPerMinute: 150 } as const;

/** What a place in the list of markets trades by. A market that was settled is followed by another one in the same place. */
const PLACES = [
  { name: 'm-0', rules: 'free', feeRate: '0', tick: 0.01 },
  { name: 'm-1', rules: 'kalshi', feeRate: '0', tick: 0.01 },
  { name: 'm-2', rules: 'polymarket', feeRate: '0.07', tick: 0.001 },
] as const;
const OUTCOMES = ['YES', 'NO'] as const;
/** Of an order in any of the markets; what is less is dust. */
export const LEAST_QUANTITY = 1;

type Side = 'BUY' | 'SELL';

/** What an order asks for. No two wishes have the same quantity, which tells their orders apart. */
export interface OrderWish {
  readonly strategy: string;
  readonly market: string;
  readonly outcome: string;
  readonly side: Side;
  readonly type: 'limit' | 'market';
  readonly price: string | null;
  readonly quantity: string;
  readonly timeInForce: 'GTC' | 'GTD' | 'IOC' | 'FOK';
  /** From the first time that it is sent, in milliseconds; with GTD only. */
  readonly lifeMs: number | null;
  readonly postOnly: boolean;
  readonly reduceOnly: boolean;
}

export interface KeyedWish {
  readonly wish: OrderWish;
  /** Its client order id. */
  readonly key?: string;
}

/** How the paper venue misbehaves (`PUT /api/paper/behaviour`). */
export interface Misbehaviour {
  readonly latencyMs: number;
  readonly acknowledgement?: 'late' | 'lost';
  readonly rejectRate?: number;
  readonly mode?: 'post-only' | 'cancel-only' | 'down';
  readonly seed: number;
}

export type OrderDeed =
  | ({ kind: 'order'; api: number } & KeyedWish)
  | { kind: 'orders'; api: number; wishes: readonly KeyedWish[] }
  /** `back`: the so many-th last order that was admitted by then. */
  | { kind: 'cancel-order'; api: number; back: number }
  | { kind: 'list-market'; api: number; market: string; listing: object }
  | {
      kind: 'trade';
      api: number;
      market: string;
      trade: { outcome: string; side: Side; price: string; quantity: string };
    }
  | { kind: 'settle'; api: number; market: string; payouts: Record<string, string> }
  /** The venue behaves again `forMs` later. */
  | { kind: 'misbehave'; behaviour: Misbehaviour; forMs: number };

/** How likely what is asked for is. */
const REQUESTS = { order: 44, keyed: 12, repeat: 9, orders: 7, cancel: 8, book: 9, trade: 20, settle: 0.6 };
const MISBEHAVIOURS = { late: 3, lost: 3, slow: 3, rejecting: 2, 'post-only': 1.5, 'cancel-only': 1.5, down: 5 };
const LIMIT_TIMES = { GTC: 60, GTD: 14, IOC: 18, FOK: 8 };

type Add = (deed: OrderDeed, afterMs?: number) => void;

interface Place {
  /** Of the market that is there now. */
  name: string;
  generation: number;
  /** Of YES and of NO, in ticks; around them others offer. */
  readonly middles: number[];
  readonly of: (typeof PLACES)[number];
}

/** Writes what happens to orders and at the paper venue. */
export class OrderScheduleWriter {
  private readonly places: Place[] = PLACES.map((of) => ({ name: of.name, generation: 0, middles: [], of }));
  private readonly keyed: KeyedWish[] = [];
  private wishes = 0;

  constructor(
    private readonly random: Random,
    private readonly add: Add,
    private readonly apis: number,
  ) {
    for (const place of this.places) place.middles.push(...OUTCOMES.map(() => this.ticks(place, 0.5)));
  }

  /** The first books. */
  open(): void {
    for (const place of this.places) this.showBook(place);
  }

  request(): void {
    const { random } = this;
    switch (random.weighted(REQUESTS)) {
      case 'order':
        return this.add({ kind: 'order', api: this.api(), wish: this.wish() });
      case 'keyed':
        return this.order();
      case 'repeat':
        return this.repeat();
      case 'orders':
        return this.batch();
      case 'cancel':
        return this.add({ kind: 'cancel-order', api: this.api(), back: random.between(1, 25) });
      case 'book':
        return this.showBook(random.pick(this.places));
      case 'trade':
        return this.trade();
      case 'settle':
        return this.settle();
    }
  }

  misbehave(afterMs: number): void {
    const { random } = this;
    const seed = random.between(0, 1_000);
    const latencyMs = random.between(0, 200);
    const add = (behaviour: Omit<Misbehaviour, 'seed'>, forMs: number) =>
      this.add({ kind: 'misbehave', behaviour: { ...behaviour, seed }, forMs }, afterMs);
    const name = random.weighted(MISBEHAVIOURS);
    switch (name) {
      case 'late':
      case 'lost':
        return add({ latencyMs: random.between(0, 40), acknowledgement: name }, random.between(300, 2_000));
      case 'slow':
        return add({ latencyMs }, random.between(500, 3_000));
      case 'rejecting':
        return add({ latencyMs, rejectRate: random.between(1, 9) / 10 }, random.between(500, 3_000));
      case 'post-only':
      case 'cancel-only':
        return add({ latencyMs, mode: name }, random.between(300, 2_000));
      case 'down':
        return add({ latencyMs: 20, mode: name }, random.between(200, 3_000));
    }
  }

  /** A burst, so that orders of all kinds are under way when what follows happens. */
  burst(count: number): void {
    for (let placed = 0; placed < count; placed++) {
      this.add({ kind: 'order', api: this.api(), wish: this.wish(true) }, 0);
    }
  }

  private order(): void {
    const keyed = this.keyedWish();
    this.add({ kind: 'order', api: this.api(), ...keyed });
    // At the same moment to the other api as well.
    if (this.random.chance(0.5))
      for (let api = 0; api < this.apis; api++) this.add({ kind: 'order', api, ...keyed }, 0);
  }

  private repeat(): void {
    const known = this.keyed.slice(-20);
    if (known.length === 0) return this.order();
    const repeated = this.random.pick(known);
    const wish = this.random.chance(0.7) ? repeated.wish : { ...repeated.wish, quantity: this.quantity('BUY') };
    this.add({ kind: 'order', api: this.api(), ...repeated, wish });
  }

  private batch(): void {
    const wishes = Array.from({ length: this.random.between(2, 8) }, () =>
      this.random.chance(0.4) ? this.keyedWish() : { wish: this.wish() },
    );
    // One of them twice in one batch, now and then.
    const [first] = wishes;
    if (first !== undefined && this.random.chance(0.2)) wishes.push(first);
    this.add({ kind: 'orders', api: this.api(), wishes });
  }

  private keyedWish(): KeyedWish {
    const keyed = { wish: this.wish(), key: `order-${this.wishes}` };
    this.keyed.push(keyed);
    return keyed;
  }

  /** @param mustRest limit orders that stand until they are cancelled only */
  private wish(mustRest = false): OrderWish {
    const { random } = this;
    const place = random.pick(this.places);
    const outcome = this.outcome();
    const side = random.chance(0.6) ? 'BUY' : 'SELL';
    const isMarket = !mustRest && random.chance(0.12);
    const timeInForce = isMarket
      ? random.weighted({ IOC: 4, FOK: 1 })
      : random.weighted(mustRest ? { ...LIMIT_TIMES, GTD: 0, IOC: 0, FOK: 0 } : LIMIT_TIMES);
    const rests = timeInForce === 'GTC' || timeInForce === 'GTD';
    const price = isMarket && random.chance(0.5) ? null : this.price(place, outcome, side);
    return {
      strategy: random.pick(ORDER_STRATEGIES),
      market: random.chance(0.01) ? 'nowhere' : place.name,
      outcome: OUTCOMES[outcome] ?? 'YES',
      side,
      type: isMarket ? 'market' : 'limit',
      price,
      quantity: this.quantity(side),
      timeInForce,
      lifeMs: timeInForce === 'GTD' ? random.between(200, 6_000) : null,
      postOnly: rests && random.chance(0.15),
      reduceOnly: random.chance(side === 'SELL' ? 0.2 : 0.02),
    };
  }

  /** Around the best prices; now and then between two ticks. */
  private price(place: Place, outcome: number, side: Side): string {
    const middle = place.middles[outcome] ?? 0;
    const away = this.random.between(-3, 3);
    const ticks = side === 'BUY' ? middle - away : middle + away;
    const between = this.random.chance(0.01) ? place.of.tick / 2 : 0;
    return (this.within(place, ticks) * place.of.tick + between).toFixed(4);
  }

  /** Whole shares and the wish's number, so that it names the wish; now and then too much for any limit, or too little. */
  private quantity(side: Side): string {
    const { random } = this;
    const number = String(++this.wishes).padStart(7, '0');
    const whole = random.weighted({ usual: 96, much: 3, little: 1 });
    if (whole === 'much') return `${random.between(150, 600)}.${number}`;
    if (whole === 'little') return `0.${number}`;
    return `${side === 'BUY' ? random.between(LEAST_QUANTITY, 14) : random.between(LEAST_QUANTITY, 12)}.${number}`;
  }

  /** What others offer now: the middle has moved a little. */
  private showBook(place: Place): void {
    const { random } = this;
    const books = OUTCOMES.map((outcome, index) => {
      const middle = this.within(place, (place.middles[index] ?? 0) + random.between(-2, 2));
      place.middles[index] = middle;
      const levels = (direction: 1 | -1) =>
        Array.from({ length: random.chance(0.1) ? 0 : random.between(1, 4) }, (_, level) => [
          (this.within(place, middle + direction * (level + 1)) * place.of.tick).toFixed(3),
          `${random.between(1, 25)}.${random.between(0, 99)}`,
        ]);
      return [outcome, { bids: levels(-1), asks: levels(1) }] as const;
    });
    const { rules, feeRate, tick } = place.of;
    const terms = {
      outcomes: OUTCOMES,
      rules,
      feeRate,
      feeExponent: 1,
      tick: tick.toFixed(3),
      minQuantity: LEAST_QUANTITY,
    };
    const status = random.chance(0.02) ? 'PAUSED' : 'OPEN';
    const listing = { ...terms, status, books: Object.fromEntries(books) };
    this.add({ kind: 'list-market', api: this.api(), market: place.name, listing });
  }

  private trade(): void {
    const { random } = this;
    const place = random.pick(this.places);
    const outcome = this.outcome();
    const side = random.chance(0.5) ? 'BUY' : 'SELL';
    const ticks = (place.middles[outcome] ?? 0) + (side === 'BUY' ? 1 : -1) * random.between(-1, 5);
    const price = (this.within(place, ticks) * place.of.tick).toFixed(3);
    const quantity = `${random.between(1, 40)}.${random.between(0, 99)}`;
    this.add({
      kind: 'trade',
      api: this.api(),
      market: place.name,
      trade: { outcome: OUTCOMES[outcome] ?? 'YES', side, price, quantity },
    });
  }

  /** The market ends; another one takes its place. */
  private settle(): void {
    const { random } = this;
    const place = random.pick(this.places);
    const yes = random.weighted({ '1': 4, '0': 4, '0.5': 1, '0.3333': 1 });
    const payouts = { YES: yes, NO: (1 - Number(yes)).toFixed(4) };
    this.add({ kind: 'settle', api: this.api(), market: place.name, payouts });
    place.generation += 1;
    place.name = `${place.of.name}-${place.generation}`;
    this.showBook(place);
  }

  /** One of them more often, so that positions grow in it. */
  private outcome(): number {
    return this.random.chance(0.7) ? 0 : 1;
  }

  private ticks({ of }: Place, price: number): number {
    return Math.round(price / of.tick);
  }

  /** Prices far from 0 and 1. */
  private within(place: Place, ticks: number): number {
    return Math.max(this.ticks(place, 0.1), Math.min(this.ticks(place, 0.9), ticks));
  }

  private api(): number {
    return this.random.between(0, this.apis - 1);
  }
}
