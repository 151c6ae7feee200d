import { Metrics } from '@interlock/observability';
import { Injectable } from '@nestjs/common';
import { GetRiskHandler, type RiskItem } from './get-risk.js';

/** How near each risk rule is to its limit, in each mode. */
@Injectable()
export class HeadroomMetrics {
  constructor(metrics: Metrics, risk: GetRiskHandler) {
    const headroom = metrics.gauge(
      'interlock_risk_headroom_ratio',
      'What is left to a limit, as a share of it: 1 when nothing is used, 0 when the rule refuses; absent when not limited',
      [], // nothing before the first reading: a 0 would say that the limit is reached
      ['rule', 'scope'],
    );
    metrics.readAtScrape('risk', async () => {
      const { items } = await risk.execute();
      for (const item of items) {
        if (item.headroom !== null) headroom.set({ rule: item.rule, scope: item.scope }, ratioOf(item));
      }
    });
  }
}

/** Not exact, as the guards' own comparison is; it is for alerts and charts. A limit of 0 leaves nothing. */
function ratioOf({ headroom, limit }: RiskItem): number {
  return Number(limit) === 0 ? 0 : Number(headroom) / Number(limit);
}
