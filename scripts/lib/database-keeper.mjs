import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase } from './database.mjs';
import { Backoff } from './service.mjs';
import { report } from './terminal.mjs';

/** Starts that may fail because the old port is taken before another port is accepted. */
const FAILURES_BEFORE_ANOTHER_PORT = 3;

/** Keeps the embedded server running for as long as the launcher does; with DATABASE_URL it has nothing to do. */
export class DatabaseKeeper {
  #server;
  #stopping = new AbortController();
  #watching = Promise.resolve();

  /** @param onMoved called when the server came back under another address */
  constructor({ url, server }, onMoved) {
    this.url = url;
    this.dataFolder = server?.dataFolder;
    this.#server = server;
    if (server) this.#watching = this.#watch(onMoved);
  }

  /** Ends the server within about `patienceMs`. */
  async stop(patienceMs) {
    this.#stopping.abort();
    await this.#server?.stop(patienceMs);
    await this.#watching;
    await this.#server?.stop(patienceMs); // one that came up at the very moment
  }

  async #watch(onMoved) {
    const { signal } = this.#stopping;
    const backoff = new Backoff();
    for (;;) {
      const begin = performance.now();
      await this.#server.exited;
      if (signal.aborted) return;
      const pause = backoff.next(performance.now() - begin);
      report(`the database ended unexpectedly, starting it again in ${pause / 1000} s`);
      await delay(pause, undefined, { signal }).catch(() => undefined);
      if (!(await this.#reopen(backoff))) return;
      report(`the database is back on 127.0.0.1:${this.#server.port}`);
      if (this.#server.connectionString === this.url) continue;
      this.url = this.#server.connectionString;
      onMoved();
    }
  }

  /** Starts the server again, under the same port so that everybody's connections come back; false when we are stopping. */
  async #reopen(backoff) {
    const { signal } = this.#stopping;
    const { port } = this.#server;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const wanted = failures < FAILURES_BEFORE_ANOTHER_PORT ? { port } : {};
        this.#server = (await openDatabase({ signal, ...wanted })).server;
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        const pause = backoff.next(0);
        report(`the database could not be started, trying again in ${pause / 1000} s: ${error.message}`);
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }
}
