import { NAME_PATTERN } from '@interlock/config';

export const LEVELS = ['halt', 'reduce'] as const;
/** `halt`: nothing is admitted, running work is aborted. `reduce`: only orders that make a position smaller (safety.md, K7). */
export type Level = (typeof LEVELS)[number];

export const MODES = ['mock', 'paper', 'live'] as const;
export type Mode = (typeof MODES)[number];

/** `global`, `mode:live`, `venue:<name>`, `strategy:<name>`. */
export type Scope = 'global' | `mode:${Mode}` | `venue:${string}` | `strategy:${string}`;

/** One scope's switch. Versions count its changes from 0; `updatedAt` is null while it was never touched. */
export interface KillSwitch {
  readonly scope: Scope;
  readonly enabled: boolean;
  /** Null while off. */
  readonly level: Level | null;
  readonly reason: string | null;
  readonly version: number;
  readonly updatedAt: Date | null;
  readonly updatedBy: string | null;
}

/** What somebody wants of a switch. `level` counts only when turning it on. */
export interface KillSwitchWish {
  readonly scope: Scope;
  readonly enabled: boolean;
  readonly level: Level;
  readonly reason?: string | undefined;
}

/** A switch that nobody has touched yet is off. */
export function untouched(scope: Scope): KillSwitch {
  return { scope, enabled: false, level: null, reason: null, version: 0, updatedAt: null, updatedBy: null };
}

/** True when the switch already is as wished. */
export function satisfies(killSwitch: KillSwitch, wish: KillSwitchWish): boolean {
  return killSwitch.enabled === wish.enabled && (!wish.enabled || killSwitch.level === wish.level);
}

/** True when the change lets more through than before: only a risk officer may do that (safety.md, K6). */
export function loosens(before: KillSwitch, wish: KillSwitchWish): boolean {
  if (!before.enabled) return false;
  return !wish.enabled || (before.level === 'halt' && wish.level === 'reduce');
}

/** The scopes whose switches stand over a run; over an order too, when its venue is given. */
export function scopesOver(work: { mode: Mode; strategy: string; venue?: string }): Scope[] {
  const scopes: Scope[] = ['global', `mode:${work.mode}`, `strategy:${work.strategy}`];
  return work.venue === undefined ? scopes : [...scopes, `venue:${work.venue}`];
}

/** Of the switches that are on, the strictest, and among equals the widest: the one to name in a refusal. */
export function strictest(switches: readonly KillSwitch[]): KillSwitch | undefined {
  const on = switches.filter((killSwitch) => killSwitch.enabled);
  return on.toSorted((a, b) => severity(b) - severity(a) || breadth(a.scope) - breadth(b.scope))[0];
}

function severity(killSwitch: KillSwitch): number {
  return killSwitch.level === 'halt' ? 1 : 0;
}

function breadth(scope: Scope): number {
  return ['global', 'mode', 'venue', 'strategy'].indexOf(scope.split(':')[0] ?? '');
}

/** The scope that a text names, or null when it names none. Venues and strategies need not exist yet. */
export function parseScope(text: string): Scope | null {
  if (text === 'global') return text;
  const [kind, name = ''] = splitOnce(text);
  if (kind === 'mode' && isMode(name)) return `mode:${name}`;
  if ((kind === 'venue' || kind === 'strategy') && NAME_PATTERN.test(name)) return `${kind}:${name}`;
  return null;
}

function splitOnce(text: string): [string, string?] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
}

function isMode(text: string): text is Mode {
  return (MODES as readonly string[]).includes(text);
}
