import type { Venue } from './venue.js';

/** The configured venues by name. */
export class Venues {
  private readonly byName: ReadonlyMap<string, Venue>;

  /** @throws when two have the same name: orders would reach the wrong one */
  constructor(venues: readonly Venue[]) {
    this.byName = new Map(venues.map((venue) => [venue.name, venue]));
    if (this.byName.size !== venues.length) throw new Error('two venues have the same name');
  }

  /** Undefined when no venue of this name is configured. */
  find(name: string): Venue | undefined {
    return this.byName.get(name);
  }

  /** @throws when no venue of this name is configured; for names that were checked before */
  get(name: string): Venue {
    const venue = this.byName.get(name);
    if (venue === undefined) throw new Error(`no venue ${name} is configured`);
    return venue;
  }

  all(): readonly Venue[] {
    return [...this.byName.values()];
  }

  names(): readonly string[] {
    return [...this.byName.keys()];
  }
}
