import type { Role } from '@interlock/access';
import { SetMetadata } from '@nestjs/common';

/** Who may call a route: anybody, or whoever has the role or one above it. */
export type AccessLevel = Role | 'public';

export interface Access {
  readonly level: AccessLevel;
  /** Requests are logged at debug level only: probes come every few seconds. */
  readonly quiet: boolean;
}

export const ACCESS = 'interlock:access';

/** Declares who may call the route. Every route needs it, or the api does not start (safety.md, A1). */
export const Access = (level: AccessLevel, { quiet = false } = {}) =>
  SetMetadata<string, Access>(ACCESS, { level, quiet });
