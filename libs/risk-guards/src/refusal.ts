/** Why a guard said no: the rule, where it applies, the value that broke it and the limit (safety.md, G5). */
export interface GuardRefusal {
  code: 'MAX_POSITION_EXCEEDED';
  /** One plain sentence. */
  message: string;
  details: { rule: string; scope: string; current: string; limit: string };
}
