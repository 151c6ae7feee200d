import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import {
  AUTO_KILL_SWITCH_SETTINGS,
  type AutoKillSwitchSettings,
  autoKillSwitchSettings,
} from './auto-kill-switch-settings.js';
import { addressRanges, type HttpSettings, httpSettings } from './http-settings.js';
import {
  MARKETS_SOURCE_SETTINGS,
  type MarketsSourceSettings,
  marketsSourceSettings,
} from './markets-source-settings.js';
import {
  amount,
  type FaultWish,
  faultWishes,
  flag,
  integer,
  name,
  oneOf,
  origins,
  postgresUrl,
  secret,
  timeZone,
  webhookUrl,
} from './parsers.js';
import {
  pythonEnvironment,
  pythonModule,
  pythonSettings,
  type PythonSettings,
  variableNames,
} from './python-settings.js';
import { RISK_SETTINGS, type RiskSettings, riskSettings } from './risk-settings.js';
import { redisAddress, type RedisAddress } from './redis-address.js';
import {
  type ReconciliationSettings,
  reconciliationSettings,
  WATCH_SETTINGS,
  type WatchSettings,
  watchSettings,
} from './watch-settings.js';

/**
 * Every environment variable that the program knows. `.env.example` documents the same names, but those for tests; a test keeps the
 * two in step. An empty variable counts as absent. Durations are in milliseconds.
 */
export const environmentSchema = z.object({
  NODE_ENV: oneOf(['development', 'test', 'production']).default('production'),
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65535).default(3000),
  WORKER_PORT: integer(0, 65535).default(3001),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  INTERLOCK_HOME: z.string().default('.interlock'),
  DATABASE_URL: postgresUrl().optional(),
  DATABASE_POOL_MAX: integer(2, 500).default(10),
  QUEUE_BACKEND: oneOf(['postgres', 'redis']).default('postgres'),
  REDIS_URL: redisAddress().optional(),
  ADMIN_API_TOKEN: secret(16).optional(),
  METRICS_TOKEN: secret(16).optional(),
  CORS_ORIGINS: origins().default([]),
  HTTP_RATE_LIMIT_PER_MIN: integer(0, 10_000_000).default(6_000),
  HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: integer(0, 10_000_000).default(600),
  TRUST_PROXY: addressRanges().default([]),
  HTTP_MAX_CONNECTIONS: integer(10, 1_000_000).default(10_000),
  RISK_DAY_TIMEZONE: timeZone().default('UTC'),
  ...RISK_SETTINGS,
  ...WATCH_SETTINGS,
  RUN_START_LIMIT_PER_MIN: integer(0, 1_000_000).optional(),
  ...AUTO_KILL_SWITCH_SETTINGS,
  QUEUE_MAX_WAITING: integer(0, 1_000_000).default(10_000),
  RUN_LEASE_MS: integer(2_000, 600_000).default(15_000),
  RUN_START_MAX_AGE_MS: integer(1_000, 86_400_000).default(300_000),
  JOB_ATTEMPTS: integer(1, 100).default(3),
  JOB_BACKOFF_MS: integer(1, 3_600_000).default(1_000),
  WORKER_CONCURRENCY: integer(1, 100).default(4),
  SILENT_WORKER_MS: integer(1_000, 3_600_000).default(30_000),
  SHUTDOWN_GRACE_MS: integer(0, 600_000).default(8_000),
  DEFAULT_PIPELINE: name().optional(),
  ALERT_WEBHOOK_URL: webhookUrl().optional(),
  ALERT_ATTEMPTS: integer(1, 30).default(8),
  ALERT_BACKOFF_MS: integer(1, 600_000).default(1_000),
  ALERT_TIMEOUT_MS: integer(100, 60_000).default(5_000),
  CALIBRATION_DATASET: name().default('sample'),
  CALIBRATION_PYTHON_BIN: z.string().default('python3'),
  CALIBRATION_PYTHON_PATH: z.string().optional(),
  CALIBRATION_ENTRYPOINT_MODULE: pythonModule().optional(),
  CALIBRATION_PYTHON_TIMEOUT_MS: integer(100, 86_400_000).default(120_000),
  CALIBRATION_PYTHON_ENV: variableNames().default([]),
  ...MARKETS_SOURCE_SETTINGS,
  PAPER_CASH: amount().default('10000'),
  VENUE_SUBMIT_TIMEOUT_MS: integer(100, 60_000).default(5_000),
  ORDER_SEND_MAX_AGE_MS: integer(1_000, 3_600_000).default(30_000),
  FAULT_POINTS: faultWishes().optional(),
  WITNESS_PIPELINE: flag().optional(),
});

/** Secrets may also come from a file named by `<NAME>_FILE`, as container platforms hand them out. */
export const SECRET_NAMES = [
  'ADMIN_API_TOKEN',
  'METRICS_TOKEN',
  'DATABASE_URL',
  'REDIS_URL',
  'ALERT_WEBHOOK_URL',
  'MARKETS_SOURCE_BASE_URL',
] as const;

/** For tests of the program itself. Refused unless NODE_ENV is test, and so no part of `.env.example`. */
export const TEST_ONLY_NAMES = ['FAULT_POINTS', 'WITNESS_PIPELINE'] as const;

type Environment = z.infer<typeof environmentSchema>;

/** Whoever says where a Python entrypoint is wants it to be run. */
function usualPipeline(environment: Environment): string {
  const hasEntrypoint = environment.CALIBRATION_ENTRYPOINT_MODULE ?? environment.CALIBRATION_PYTHON_PATH;
  return hasEntrypoint === undefined ? 'calibration' : 'python';
}

/** The validated settings of one process; built once at boot and injected everywhere. */
export class Settings {
  readonly host: string;
  readonly port: number;
  readonly workerPort: number;
  readonly logLevel: Environment['LOG_LEVEL'];
  /** Absolute path of the folder that holds the embedded database and the made token. */
  readonly home: string;
  readonly databaseUrl: string | undefined;
  readonly databasePoolMax: number;
  readonly queueBackend: Environment['QUEUE_BACKEND'];
  /** Defined when the queue's backend is Redis. */
  readonly redis: RedisAddress | undefined;
  readonly adminApiToken: string | undefined;
  /** What a scrape of the metrics must carry; undefined: nothing. */
  readonly metricsToken: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly http: HttpSettings;
  readonly risk: RiskSettings;
  /** Name of the time zone whose midnight begins the day of the daily loss. */
  readonly riskDayTimezone: string;
  /** Undefined: starts are not limited. */
  readonly runStartLimitPerMin: number | undefined;
  readonly autoKillSwitch: AutoKillSwitchSettings;
  readonly watch: WatchSettings;
  readonly reconciliation: ReconciliationSettings;
  /** Runs that may wait for a worker before starts are refused; 0: any number. */
  readonly queueMaxWaiting: number;
  readonly runLeaseMs: number;
  readonly runStartMaxAgeMs: number;
  readonly jobAttempts: number;
  readonly jobBackoffMs: number;
  readonly workerConcurrency: number;
  readonly silentWorkerMs: number;
  readonly shutdownGraceMs: number;
  readonly defaultPipeline: string;
  readonly calibrationDataset: string;
  readonly python: PythonSettings;
  readonly marketsSource: MarketsSourceSettings;
  /** What the paper venue's account begins with, in units of collateral, as decimal text. */
  readonly paperCash: string;
  /** Longest wait for a venue's answer to an order; after it the order is unknown. */
  readonly venueSubmitTimeoutMs: number;
  /** An admitted order that could not be sent for so long, in milliseconds, ends instead: its price may be of another time. */
  readonly orderSendMaxAgeMs: number;
  /** Where critical events are posted to; a secret. */
  readonly alertWebhookUrl: string | undefined;
  readonly alertAttempts: number;
  readonly alertBackoffMs: number;
  readonly alertTimeoutMs: number;
  /** Empty unless NODE_ENV is test. */
  readonly faultWishes: readonly FaultWish[];
  /** Whether there is a pipeline `witness`; false unless NODE_ENV is test. */
  readonly witnessPipeline: boolean;

  /** @param forPython the variables that a Python child may see */
  constructor(
    private readonly environment: Environment,
    private readonly forPython: Readonly<Record<string, string>>,
  ) {
    this.host = environment.HOST;
    this.port = environment.PORT;
    this.workerPort = environment.WORKER_PORT;
    this.logLevel = environment.LOG_LEVEL;
    this.home = resolve(environment.INTERLOCK_HOME);
    this.databaseUrl = environment.DATABASE_URL;
    this.databasePoolMax = environment.DATABASE_POOL_MAX;
    this.queueBackend = environment.QUEUE_BACKEND;
    this.redis = environment.QUEUE_BACKEND === 'redis' ? environment.REDIS_URL : undefined;
    this.adminApiToken = environment.ADMIN_API_TOKEN;
    this.metricsToken = environment.METRICS_TOKEN;
    this.corsOrigins = environment.CORS_ORIGINS;
    this.http = httpSettings(environment);
    this.risk = riskSettings(environment);
    this.riskDayTimezone = environment.RISK_DAY_TIMEZONE;
    this.runStartLimitPerMin = environment.RUN_START_LIMIT_PER_MIN;
    this.autoKillSwitch = autoKillSwitchSettings(environment);
    this.watch = watchSettings(environment);
    this.reconciliation = reconciliationSettings(environment);
    this.queueMaxWaiting = environment.QUEUE_MAX_WAITING;
    this.runLeaseMs = environment.RUN_LEASE_MS;
    this.runStartMaxAgeMs = environment.RUN_START_MAX_AGE_MS;
    this.jobAttempts = environment.JOB_ATTEMPTS;
    this.jobBackoffMs = environment.JOB_BACKOFF_MS;
    this.workerConcurrency = environment.WORKER_CONCURRENCY;
    this.silentWorkerMs = environment.SILENT_WORKER_MS;
    this.shutdownGraceMs = environment.SHUTDOWN_GRACE_MS;
    this.defaultPipeline = environment.DEFAULT_PIPELINE ?? usualPipeline(environment);
    this.calibrationDataset = environment.CALIBRATION_DATASET;
    this.python = pythonSettings(environment, forPython);
    this.marketsSource = marketsSourceSettings(environment);
    this.paperCash = environment.PAPER_CASH;
    this.venueSubmitTimeoutMs = environment.VENUE_SUBMIT_TIMEOUT_MS;
    this.orderSendMaxAgeMs = environment.ORDER_SEND_MAX_AGE_MS;
    this.alertWebhookUrl = environment.ALERT_WEBHOOK_URL;
    this.alertAttempts = environment.ALERT_ATTEMPTS;
    this.alertBackoffMs = environment.ALERT_BACKOFF_MS;
    this.alertTimeoutMs = environment.ALERT_TIMEOUT_MS;
    this.faultWishes = environment.FAULT_POINTS ?? [];
    this.witnessPipeline = environment.WITNESS_PIPELINE ?? false;
  }

  /** The same settings with this database: the embedded server's address is known only once it runs. */
  withDatabaseUrl(databaseUrl: string): Settings {
    return new Settings({ ...this.environment, DATABASE_URL: databaseUrl }, this.forPython);
  }

  /** The address of the database; a process that reaches this without one was started wrongly. */
  requireDatabaseUrl(): string {
    if (this.databaseUrl === undefined) throw new InvalidSettings(['DATABASE_URL is not set']);
    return this.databaseUrl;
  }
}

/** One or more settings are wrong. The message has a line for each: its name and what is allowed, never its value. */
export class InvalidSettings extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`Interlock cannot start, because of its settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'InvalidSettings';
  }
}

/**
 * Reads and validates the settings.
 * @param environment the process's variables, or a test's own
 * @throws InvalidSettings naming every wrong variable
 */
export function readSettings(environment: Record<string, string | undefined> = process.env): Settings {
  const values = withoutEmpty(environment);
  const problems: string[] = [];
  for (const secretName of SECRET_NAMES) readSecretFile(values, secretName, problems);

  const parsed = environmentSchema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.')} must be ${issue.message}`);
  }
  for (const testOnly of TEST_ONLY_NAMES) {
    if (values[testOnly] !== undefined && values['NODE_ENV'] !== 'test')
      problems.push(`${testOnly} must not be set: it is for tests of the program (NODE_ENV=test) only`);
  }
  if (values['QUEUE_BACKEND'] === 'redis' && values['REDIS_URL'] === undefined)
    problems.push('REDIS_URL must be set when QUEUE_BACKEND is redis');
  const forPython = parsed.data?.CALIBRATION_PYTHON_ENV ?? [];
  for (const secretName of SECRET_NAMES) {
    if (forPython.some((named) => named === secretName || named === `${secretName}_FILE`))
      problems.push(`CALIBRATION_PYTHON_ENV must not name ${secretName}: it is a secret`);
  }
  if (problems.length > 0 || !parsed.success) throw new InvalidSettings(problems);
  return new Settings(parsed.data, pythonEnvironment(values, forPython));
}

function withoutEmpty(environment: Record<string, string | undefined>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries(environment)) {
    if (value !== undefined && value.trim() !== '') values[key] = value.trim();
  }
  return values;
}

function readSecretFile(values: Record<string, string>, secretName: string, problems: string[]): void {
  const file = values[`${secretName}_FILE`];
  if (file === undefined) return;
  if (values[secretName] !== undefined) {
    problems.push(`${secretName} and ${secretName}_FILE are both set; set one of them`);
    return;
  }
  try {
    values[secretName] = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    problems.push(`${secretName}_FILE must be a readable file (${reason})`);
  }
}
