import { everySeries, type Metrics } from '@interlock/observability';
import type { Response } from 'express';
import { ApiError, CallerGone, SOON } from '../api-error.js';
import type { Route } from '../route-table.js';

/** How many requests of a kind may be here. */
interface Capacity {
  /** Worked on side by side. More would only wait inside: for a connection to the database, until that wait is given up. */
  readonly atWork: number;
  /** Here at all, those that wait for their turn included. With bodies of 64 KiB at most they hold 128 MiB. */
  readonly present: number;
  /** Longest wait for a turn, in milliseconds. */
  readonly patienceMs: number;
}

/** Callers without a token have room of their own: they must not keep those out who have one. */
const CAPACITIES: Readonly<Record<Kind, Capacity>> = {
  token: { atWork: 200, present: 2_000, patienceMs: 3_000 },
  public: { atWork: 100, present: 500, patienceMs: 3_000 },
};
const KINDS = ['token', 'public'] as const;
type Kind = (typeof KINDS)[number];

/** A request that is here. */
export interface Presence {
  /**
   * Resolves when it is the request's turn to be worked on. Read its body before: a place is not for waiting on callers.
   * @throws ApiError OVERLOADED when that takes too long; CallerGone when nobody waits for the answer any more
   */
  turn(): Promise<void>;
}

/**
 * How many requests are worked on at once, and how many may wait for that; what comes on top is refused at once rather than
 * answered too late. A request counts until its answer is made, not until the caller has read it. Probes and the kill switch
 * always get in, at once.
 */
export class WorkLimit {
  private readonly rooms: Readonly<Record<Kind, Room>>;
  private readonly refusals;

  constructor(metrics: Metrics, capacities = CAPACITIES) {
    this.refusals = metrics.counter(
      'interlock_http_overloaded_total',
      'Requests refused because too many were there already',
      everySeries({ kind: KINDS }),
    );
    const gauge = metrics.gauge(
      'interlock_http_requests_present',
      'Requests that are worked on, and those that wait for it',
      everySeries({ kind: KINDS, state: ['working', 'waiting'] }),
    );
    this.rooms = { token: new Room(capacities.token), public: new Room(capacities.public) };
    metrics.lookAtScrape('http', () => {
      for (const kind of KINDS) {
        gauge.set({ kind, state: 'working' }, this.rooms[kind].working);
        gauge.set({ kind, state: 'waiting' }, this.rooms[kind].present - this.rooms[kind].working);
      }
    });
  }

  /** @throws ApiError OVERLOADED when too many are here */
  enter(response: Response, route: Route): Presence {
    // An upload may take hours, and waits for its sender nearly all of the time.
    if (route.quiet || route.urgent || route.streams !== undefined) return { turn: () => Promise.resolve() };
    const kind = route.access === 'public' ? 'public' : 'token';
    const room = this.rooms[kind];
    if (room.isFull) this.refuse(kind);
    const visitor = room.enter();
    response.once('prefinish', () => visitor.leave()).once('close', () => visitor.leave());
    return {
      turn: async () => {
        const outcome = await visitor.turn();
        if (outcome === 'late') this.refuse(kind);
        if (outcome === 'left') throw new CallerGone();
      },
    };
  }

  private refuse(kind: Kind): never {
    this.refusals.inc({ kind });
    throw new ApiError('OVERLOADED', 'Too many requests are here already; this one was not begun.', {}, SOON);
  }
}

type Outcome = 'now' | 'late' | 'left';

/** Places at work, and those who wait for one in the order in which they asked. */
class Room {
  present = 0;
  working = 0;
  readonly waiting = new Set<Visitor>();

  constructor(readonly capacity: Capacity) {}

  get isFull(): boolean {
    return this.present >= this.capacity.present;
  }

  get hasPlace(): boolean {
    return this.working < this.capacity.atWork;
  }

  enter(): Visitor {
    this.present += 1;
    return new Visitor(this);
  }

  callNext(): void {
    if (!this.hasPlace) return;
    for (const visitor of this.waiting) {
      visitor.call();
      return;
    }
  }
}

class Visitor {
  private state: 'here' | 'working' | 'gone' = 'here';
  private tell: (outcome: Outcome) => void = () => undefined;

  constructor(private readonly room: Room) {}

  turn(): Promise<Outcome> {
    if (this.state === 'gone') return Promise.resolve('left');
    if (this.room.hasPlace) {
      this.begin();
      return Promise.resolve('now');
    }
    return new Promise((resolve) => {
      const patience = setTimeout(() => this.tell('late'), this.room.capacity.patienceMs);
      this.room.waiting.add(this);
      this.tell = (outcome) => {
        clearTimeout(patience);
        this.room.waiting.delete(this);
        resolve(outcome);
      };
    });
  }

  call(): void {
    this.begin(); // at once, so that nobody else takes the place meanwhile
    this.tell('now');
  }

  leave(): void {
    if (this.state === 'gone') return;
    this.room.present -= 1;
    if (this.state === 'working') this.room.working -= 1;
    this.state = 'gone';
    this.tell('left');
    this.room.callNext();
  }

  private begin(): void {
    this.state = 'working';
    this.room.working += 1;
  }
}
