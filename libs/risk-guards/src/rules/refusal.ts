export type RuleName = 'position' | 'dailyLoss' | 'orderRate' | 'startRate';

/** Why a guard said no: the rule, where it applies, the value that broke it and the limit (safety.md, G5). */
export interface GuardRefusal {
  readonly code: 'MAX_POSITION_EXCEEDED' | 'RISK_LIMIT_EXCEEDED' | 'ORDER_RATE_LIMIT_EXCEEDED';
  /** One plain sentence. */
  readonly message: string;
  /** Decimal text throughout; `scope` is `mode:<mode>` for totals. */
  readonly details: {
    readonly rule: RuleName;
    readonly scope: string;
    readonly current: string;
    readonly limit: string;
  };
}
