import { type DynamicModule, Module } from '@nestjs/common';
import { Settings } from '@interlock/config';
import { LoggerModule, type Params } from 'nestjs-pino';
import { type LogFn, type Logger, type LoggerOptions, pino, type SerializedError } from 'pino';
import pretty from 'pino-pretty';
import { correlation } from './correlation.js';
import { ProgramLogger } from './program-logger.js';

/** Where secrets could stand in a logged object (safety.md, E2). */
const REDACTED = [
  'req.headers.authorization',
  'req.headers.cookie',
  'headers.authorization',
  'authorization',
  'token',
  'password',
  'secret',
  'connectionString',
  'databaseUrl',
  '*.authorization',
  '*.token',
  '*.password',
  '*.secret',
  '*.connectionString',
  '*.databaseUrl',
];

/** pino's options for a process called `name`: what every line carries, and what none may carry. */
export function loggerOptions(settings: Settings, name: string): LoggerOptions {
  return {
    name,
    level: settings.logLevel,
    mixin: () => ({ ...correlation() }), // a copy: pino adds each line's own fields to it
    hooks: { logMethod: withoutNoise },
    serializers: { err: withoutConnections },
    redact: { paths: REDACTED, censor: '[redacted]' },
    formatters: { level: (label) => ({ level: label }), bindings: ({ name: process }) => ({ process }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
}

/** node-postgres hangs the whole connection on an error, pages of it; what TypeORM wraps is repeated in the wrapping. */
function withoutConnections(error: Error | SerializedError): object {
  // pino-http has serialized it before it asks us.
  const { client: _, driverError: __, ...told } = error instanceof Error ? pino.stdSerializers.err(error) : error;
  return told;
}

/** Parts of the framework that list every module and route at each start. */
const NOISY_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);
const INFO = 30;

/** Leaves out the framework's own chatter unless debugging is wanted. */
function withoutNoise(this: Logger, line: Parameters<LogFn>, method: LogFn, level: number): void {
  const [fields] = line as [unknown];
  const context = typeof fields === 'object' && fields !== null && 'context' in fields ? String(fields.context) : '';
  if (level === INFO && NOISY_CONTEXTS.has(context) && !this.isLevelEnabled('debug')) return;
  method.apply(this, line);
}

/** Structured logging: readable lines on a terminal, JSON otherwise. */
@Module({})
export class LoggingModule {
  static forRoot(settings: Settings, name: string): DynamicModule {
    // No middleware: what ties the lines of a request together is our own (correlation.ts).
    const pinoModule = LoggerModule.forRoot({ pinoHttp: pinoHttpOptions(settings, name), forRoutes: [] });
    return { module: LoggingModule, imports: [pinoModule], providers: [ProgramLogger], exports: [ProgramLogger] };
  }
}

/** For what a process says before its modules exist. */
export type BootLogger = Pick<Logger, 'info' | 'warn'>;

export function bootLogger(settings: Settings, name: string): BootLogger {
  return pino(loggerOptions(settings, name), terminalStream() ?? process.stdout);
}

function pinoHttpOptions(settings: Settings, name: string): NonNullable<Params['pinoHttp']> {
  // The api writes its one line per request itself, where status, code and request id are known; see apps/api/http.
  const options = { ...loggerOptions(settings, name), autoLogging: false, quietReqLogger: true };
  const stream = terminalStream();
  return stream === undefined ? options : [options, stream];
}

/** Makes lines readable on a terminal; undefined where there is none. */
function terminalStream(): ReturnType<typeof pretty> | undefined {
  if (!process.stdout.isTTY) return undefined;
  // In this process rather than in a worker thread, so that the last lines before an exit are not lost.
  return pretty({
    sync: true,
    colorize: true,
    singleLine: true,
    translateTime: "UTC:HH:MM:ss'Z'",
    ignore: 'pid,hostname,process,context,req,reqId',
    messageFormat: '{process} {msg}',
  });
}
