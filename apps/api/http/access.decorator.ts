import type { Role } from '@interlock/access';
import { SetMetadata } from '@nestjs/common';

/** Who may call a route: anybody, or whoever has the role or one above it. */
export type AccessLevel = Role | 'public';

export interface Access {
  readonly level: AccessLevel;
  /** Probes and documentation: logged at debug level only, since they come every few seconds, and outside of all limits. */
  readonly quiet: boolean;
  /** What must get in whatever else is asked for: it has a rate limit of its own and is worked on at once. */
  readonly urgent: boolean;
}

export const ACCESS = 'interlock:access';

/** Declares who may call the route. Every route needs it, or the api does not start (safety.md, A1). */
export const Access = (level: AccessLevel, { quiet = false, urgent = false } = {}) =>
  SetMetadata<string, Access>(ACCESS, { level, quiet, urgent });
