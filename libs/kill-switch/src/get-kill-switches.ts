import { InjectDataSource } from '@nestjs/typeorm';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { type KillSwitch, untouched } from './kill-switch.js';
import { KillSwitches } from './kill-switches.repository.js';

/** The global switch, and every switch that was ever touched (the global one among them then). */
export class GetKillSwitches extends Query<{ global: KillSwitch; touched: KillSwitch[] }> {}

@QueryHandler(GetKillSwitches)
export class GetKillSwitchesHandler implements IQueryHandler<GetKillSwitches> {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly switches: KillSwitches,
  ) {}

  async execute(): Promise<{ global: KillSwitch; touched: KillSwitch[] }> {
    const touched = await this.switches.readAll(this.dataSource.manager);
    return { global: touched.find((killSwitch) => killSwitch.scope === 'global') ?? untouched('global'), touched };
  }
}
