/** A promise that was broken. */
export interface Violation {
  /** The invariant of docs/safety.md: `R2`, `K2` … */
  readonly rule: string;
  readonly sentence: string;
  /** What the matter is about: ids of runs, idempotency keys, scopes, operations as `#12`. The report shows what concerns them. */
  readonly about: readonly string[];
}

export function violation(rule: string, sentence: string, ...about: readonly (string | null | undefined)[]): Violation {
  return { rule, sentence, about: about.filter((one) => one !== null && one !== undefined) };
}
