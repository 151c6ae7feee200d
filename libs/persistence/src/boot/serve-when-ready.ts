import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '@interlock/config';
import { type BootLogger, CannotStart, Doorkeeper, EXIT_STATUS, type ListenAddress } from '@interlock/observability';
import type { INestApplication } from '@nestjs/common';
import { answeredWithin } from '../answered-within.js';
import { isDatabaseUnavailable } from '../database-errors.js';
import { readyDatabase } from './ready-database.js';
import { type HealthPlace, whileStarting } from './while-starting.js';

/** Between two attempts to build the program. */
const REBUILD_DELAY_MS = 500;
/** What is half built and does not end in this time is left to itself: it holds nothing that others need. */
const CLOSE_PATIENCE_MS = 3_000;

export interface Boot<App> {
  readonly settings: Settings;
  readonly logger: BootLogger;
  /** Aborts when the end is asked for meanwhile. */
  readonly stopping: AbortSignal;
  readonly address: ListenAddress;
  readonly health: HealthPlace;
  /** Makes the program; called again when the database was lost while it was made. */
  readonly create: (settings: Settings) => Promise<App>;
}

/**
 * Builds a program once its database answers, and lets it answer at its port, which is open from the beginning.
 * @returns the program, and its address
 * @throws CannotStart when the port cannot be had, or for what waiting does not mend: `readyDatabase`
 */
export async function serveWhenReady<App extends INestApplication>(
  boot: Boot<App>,
): Promise<{ app: App; address: string }> {
  const doorkeeper = await Doorkeeper.open(boot.address, whileStarting(boot.health));
  try {
    const app = await built(boot);
    return { app, address: await doorkeeper.handOver(app.getHttpServer() as Server) };
  } catch (error) {
    await doorkeeper.close();
    throw error;
  }
}

async function built<App extends INestApplication>(boot: Boot<App>): Promise<App> {
  for (;;) {
    const settings = await readyDatabase(boot.settings, boot.logger, boot.stopping);
    const app = await build(boot, settings);
    if (app !== undefined) return app;
    await delay(REBUILD_DELAY_MS, undefined, { signal: boot.stopping });
  }
}

/** The initialised program; undefined when the database was lost on the way. */
async function build<App extends INestApplication>(boot: Boot<App>, settings: Settings): Promise<App | undefined> {
  let app: App | undefined;
  try {
    app = await boot.create(settings);
    await app.init();
    return app;
  } catch (error) {
    if (app !== undefined) await answeredWithin(CLOSE_PATIENCE_MS, app.close()).catch(() => undefined);
    if (!isPassing(error)) throw error;
    boot.logger.warn({ err: error }, 'the database was lost in the middle of the start; starting again');
    return undefined;
  }
}

/** Another attempt may succeed: the database was lost, or the queue's client missed its only chance to connect. */
function isPassing(error: unknown): boolean {
  return isDatabaseUnavailable(error) || (error instanceof CannotStart && error.exitStatus === EXIT_STATUS.unavailable);
}
