import { Metrics } from '@interlock/observability';
import { Injectable } from '@nestjs/common';
import { GetRiskHandler, type RiskItem } from './get-risk.js';

/**
 * How near each risk rule is to its limit: the nearest of all limits of one rule and scope, and of all strategies, all venues and all
 * markets together, whose names are not known before.
 */
@Injectable()
export class HeadroomMetrics {
  constructor(metrics: Metrics, risk: GetRiskHandler) {
    const headroom = metrics.gauge(
      'interlock_risk_headroom_ratio',
      'What is left to a limit, as a share of it: 1 when nothing is used, 0 when the rule refuses; absent when not limited; strategy:*, venue:* and market:* are the nearest of all',
      [], // nothing before the first reading: a 0 would say that the limit is reached
      ['rule', 'scope'],
    );
    metrics.readAtScrape('risk', async () => {
      const { items } = await risk.execute();
      headroom.reset(); // a limit that was taken away is told no longer
      for (const { rule, scope, ratio } of leastRatios(items)) headroom.set({ rule, scope }, ratio);
    });
  }
}

interface Ratio {
  rule: string;
  scope: string;
  ratio: number;
}

function leastRatios(items: readonly RiskItem[]): Ratio[] {
  const least = new Map<string, Ratio>();
  for (const item of items) {
    if (item.headroom === null) continue;
    const { rule } = item;
    const scope = item.scope.replace(/^(strategy|venue|market):.*/, '$1:*');
    const ratio = Math.min(ratioOf(item), least.get(`${rule} ${scope}`)?.ratio ?? Infinity);
    least.set(`${rule} ${scope}`, { rule, scope, ratio });
  }
  return [...least.values()];
}

/** Not exact, as the guards' own comparison is; it is for alerts and charts. A limit of 0 leaves nothing. */
function ratioOf({ headroom, limit }: RiskItem): number {
  return Number(limit) === 0 ? 0 : Number(headroom) / Number(limit);
}
