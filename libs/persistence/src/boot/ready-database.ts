import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '@interlock/config';
import { type BootLogger, CannotStart, EXIT_STATUS } from '@interlock/observability';
import { isDatabaseUnavailable, isRefusedLogin } from '../database-errors.js';
import { findEmbeddedServer } from '../embedded/index.js';
import { pendingMigrations } from '../migrate.js';

const RETRY_DELAY_MS = 500;
const LOG_EVERY_MS = 5_000;

/**
 * Waits until the database answers. Nothing that uses the queue may be built before: a queue's client whose first use meets a
 * database that is down stays dead for ever.
 * @returns the settings with the database's address, which is the embedded server's when they name none
 * @throws CannotStart when there is no database to be found, it refuses us, or its schema is not this version's
 */
export async function readyDatabase(settings: Settings, logger: BootLogger, stopping: AbortSignal): Promise<Settings> {
  const { url, pending } = await reachDatabase(settings, logger, stopping);
  if (pending.length > 0) {
    throw cannotStart(`The database lacks ${pending.length} migration(s). Run: npm run db:migrate`);
  }
  return settings.withDatabaseUrl(url);
}

/**
 * Waits until the database answers, whatever of its schema is missing.
 * @throws CannotStart when there is no database to be found, it refuses us, or a later version has been at it
 */
export async function reachDatabase(
  settings: Settings,
  logger: BootLogger,
  stopping: AbortSignal,
): Promise<{ url: string; pending: string[] }> {
  const url = settings.databaseUrl ?? (await embeddedUrl(settings.home));
  return { url, pending: await untilItAnswers(() => pendingMigrations(url), logger, stopping) };
}

async function embeddedUrl(home: string): Promise<string> {
  const url = await findEmbeddedServer(home);
  if (url !== null) return url;
  throw cannotStart(
    `There is no database: DATABASE_URL is not set and no embedded server runs in ${home}.\n` +
      'Set DATABASE_URL, or run everything with its own database: npm start',
  );
}

async function untilItAnswers<T>(call: () => Promise<T>, logger: BootLogger, stopping: AbortSignal): Promise<T> {
  for (let loggedAt = -Infinity; ;) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof CannotStart) throw error;
      if (isRefusedLogin(error) || !isDatabaseUnavailable(error)) {
        throw cannotStart(`The database refuses us: ${messageOf(error)}`);
      }
      if (performance.now() - loggedAt >= LOG_EVERY_MS) {
        loggedAt = performance.now();
        logger.warn({ reason: messageOf(error) }, 'waiting for the database');
      }
    }
    await delay(RETRY_DELAY_MS, undefined, { signal: stopping });
  }
}

function cannotStart(message: string): CannotStart {
  return new CannotStart(message, EXIT_STATUS.configuration);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The error for a host with several addresses has no message of its own.
  return error instanceof AggregateError ? messageOf(error.errors[0]) : error.message;
}
