import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from './environment.mjs';

/** It is gone in a minute: nothing of it needs to reach the disk. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** An embedded server of its own in a temporary folder, with an empty database. */
export class ScratchDatabase {
  home = mkdtempSync(join(tmpdir(), 'interlock-'));
  #server = null;

  /** Starts it. @returns its address */
  async open(signal) {
    chmodSync(this.home, 0o755); // as root, the server runs under another account
    const { startEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
    this.#server = await startEmbeddedServer(this.home, { signal, settings: SETTINGS });
    return this.#server.connectionString;
  }

  /** Creates the queue's tables. */
  async migrateQueue() {
    const { migrateQueue } = await import(built('libs/queue/src/index.js'));
    await migrateQueue(this.#server.connectionString);
  }

  /** Creates our tables; @returns the names of the migrations */
  async migrateTables() {
    const { migrateDatabase } = await import(built('libs/persistence/src/index.js'));
    return (await migrateDatabase(this.#server.connectionString)).applied;
  }

  /** Ends it and removes everything. */
  async remove() {
    const dataFolder = this.#server?.dataFolder;
    await this.#server?.stop(1_000);
    for (const folder of [dataFolder, this.home]) {
      if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  }
}
