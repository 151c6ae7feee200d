import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Nest's own account of its start. What goes wrong there is thrown, and told by whoever starts the program. */
const NEST_AT_START = new Set<unknown>([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** The logger of a program. Nest's forty lines at every start are of no use to operators: they show at debug level only. */
@Injectable()
export class ProgramLogger extends Logger {
  override log(message: unknown, ...parameters: unknown[]): void {
    if (NEST_AT_START.has(parameters.at(-1))) this.debug(message, ...parameters);
    else super.log(message, ...parameters);
  }

  override error(message: unknown, ...parameters: unknown[]): void {
    if (NEST_AT_START.has(parameters.at(-1))) this.debug(message, ...parameters);
    else super.error(message, ...parameters);
  }
}
