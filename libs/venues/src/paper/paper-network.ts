import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseUnavailable } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { VenueUnreachable } from '../port/venue.js';
import { PaperReads } from './paper-reads.js';
import { PAPER } from './rows.js';

/** However large the latency, an order is no longer than that on its way; the rest of it delays the answer. */
export const LONGEST_WAY_MS = 1_000;

/** Between the program and the paper venue: delays and outages, as its behaviour says. */
@Injectable()
export class PaperNetwork {
  constructor(private readonly reads: PaperReads) {}

  /**
   * A question and its answer. `ask` runs when the question has arrived.
   * @throws VenueUnreachable when the venue is down, or its records cannot be reached
   */
  async exchange<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const back = await this.travel();
      const answer = await ask();
      await delay(back, undefined, { ref: false });
      return answer;
    } catch (error) {
      if (isDatabaseUnavailable(error))
        throw new VenueUnreachable(PAPER, 'its records cannot be reached', { cause: error });
      throw error;
    }
  }

  /**
   * The way there.
   * @returns how long the way back takes, in milliseconds
   * @throws VenueUnreachable when the venue is down
   */
  private async travel(): Promise<number> {
    const { latencyMs, mode } = await this.reads.behaviour();
    if (mode === 'down') throw new VenueUnreachable(PAPER, 'the connection was refused');
    const there = Math.min(latencyMs / 2, LONGEST_WAY_MS);
    await delay(there);
    return latencyMs - there;
  }
}
