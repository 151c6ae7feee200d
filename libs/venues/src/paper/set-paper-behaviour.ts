import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { PaperBehaviour } from './exchange.types.js';
import { PaperRecords } from './paper-records.js';

/** Makes the paper venue behave so from now on, in every process. */
export class SetPaperBehaviour extends Command<PaperBehaviour> {
  constructor(readonly behaviour: PaperBehaviour) {
    super();
  }
}

@CommandHandler(SetPaperBehaviour)
export class SetPaperBehaviourHandler implements ICommandHandler<SetPaperBehaviour> {
  constructor(private readonly records: PaperRecords) {}

  execute({ behaviour }: SetPaperBehaviour): Promise<PaperBehaviour> {
    return this.records.change({}, (exchange) => {
      exchange.behave(behaviour);
      return behaviour;
    });
  }
}
