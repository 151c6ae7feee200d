import { Settings } from '@interlock/config';
import { OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { RiskLimitRows } from './risk-limits.js';
import { limitChanged } from './set-risk-limits.js';

/**
 * At boot, gives limits the settings' values where no person has set another: of several processes, the last to boot decides. The
 * first values are no change; later ones are told as an event.
 */
@Injectable()
export class LimitsFromSettings implements OnModuleInit {
  private readonly logger = new Logger('risk-guards');

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly limits: RiskLimitRows,
    private readonly events: OpsEvents,
  ) {}

  async onModuleInit(): Promise<void> {
    const changed = await this.transactions.run(async (tx) => {
      await this.limits.lock(tx);
      const isFirst = (await this.limits.version(tx)) === 0;
      const differing = await this.limits.followSettings(tx, this.settings.risk.limits);
      if (differing.length === 0 || isFirst) return [];
      await this.events.recordAll(tx, [
        limitChanged(differing, { source: 'settings', reason: 'changed in the settings' }),
      ]);
      return differing;
    });
    if (changed.length > 0) this.logger.warn({ limits: changed }, 'limits of the risk guards follow changed settings');
  }
}
