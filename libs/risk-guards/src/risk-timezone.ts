import { InvalidSettings, Settings } from '@interlock/config';
import { Transactions } from '@interlock/persistence';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { RiskDays } from './risk-days.js';

/** At boot, makes the settings' time zone the one in which days are counted: of several processes, the last to boot decides. */
@Injectable()
export class RiskTimezone implements OnModuleInit {
  private readonly logger = new Logger('risk-guards');

  constructor(
    private readonly settings: Settings,
    private readonly transactions: Transactions,
    private readonly days: RiskDays,
  ) {}

  async onModuleInit(): Promise<void> {
    const timezone = this.settings.riskDayTimezone;
    const before = await this.transactions
      .run((tx) => this.days.adopt(tx, timezone))
      .catch((error: unknown) => {
        throw isUnknownTimezone(error)
          ? new InvalidSettings(['RISK_DAY_TIMEZONE must be one that the database knows'])
          : error;
      });
    if (before !== timezone) this.logger.warn({ before, timezone }, 'days of the risk guards change their time zone');
  }
}

/** PostgreSQL has a list of its own, which may be older than ours. */
function isUnknownTimezone(error: unknown): boolean {
  return error instanceof Error && /time zone .* not recognized/i.test(error.message);
}
