import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { endGroup } from './run-command.mjs';
import { report } from './terminal.mjs';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A process that was up for this long was healthy: the next pause is short again. */
const HEALTHY_AFTER_MS = 60_000;
/** How often a process may die before it was ready for the first time. */
const START_ATTEMPTS = 3;
/** Exit statuses (sysexits.h) that trying again cannot mend: a port in use, wrong settings. */
const HOPELESS = [69, 78];

/** The pauses between restarts: 0.5 s, doubling to 30 s. */
export class Backoff {
  #pauseMs = FIRST_PAUSE_MS;

  /** @param upMs how long the process was up */
  next(upMs) {
    if (upMs >= HEALTHY_AFTER_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(pause * 2, LONGEST_PAUSE_MS);
    return pause;
  }
}

/**
 * A program that is kept running: when it dies, that is reported and it is started again.
 *
 * It runs in a process group of its own, so that a terminal's Ctrl-C reaches only us and the order in which things end is
 * ours to decide; and it has a channel to us, whose closing tells it that we are gone (even by SIGKILL).
 */
export class Service {
  #child = null;
  #deaths = 0;
  #ready = false;
  #stopping = new AbortController();
  #restart = new AbortController();
  #fail;

  /** Rejects when the service cannot be brought up at all. */
  failed = new Promise((_, reject) => (this.#fail = reject));

  /** @param environment gives the variables at each start */
  constructor(name, program, environment) {
    this.name = name;
    this.program = program;
    this.environment = environment;
    this.failed.catch(() => undefined);
  }

  start() {
    void this.#run();
  }

  /** From now on a death is an incident to recover from, no longer a failed start. */
  markReady() {
    this.#ready = true;
  }

  /** Ends the present process, if there is one, and starts the next at once, with the present environment. */
  restart() {
    this.#restart.abort();
    this.#child?.kill('SIGTERM');
  }

  /** Ends the service: SIGTERM, and after `patienceMs` SIGKILL. */
  async stop(patienceMs) {
    this.#stopping.abort();
    if (this.#child !== null) await endGroup(this.#child, patienceMs);
  }

  async #run() {
    let backoff = new Backoff();
    while (!this.#stopping.signal.aborted) {
      this.#restart = new AbortController();
      const begin = performance.now();
      const { reason, status } = await this.#runOnce();
      if (this.#stopping.signal.aborted) return;
      if (this.#restart.signal.aborted) {
        backoff = new Backoff();
        continue;
      }
      this.#deaths += 1;
      if (!this.#ready && (HOPELESS.includes(status) || this.#deaths >= START_ATTEMPTS)) {
        this.#fail(new Refusal(`The ${this.name} cannot start (${reason}); what it said is above.`));
        return;
      }
      const pause = backoff.next(performance.now() - begin);
      report(`${this.name} ended (${reason}), starting it again in ${pause / 1000} s`);
      const signal = AbortSignal.any([this.#stopping.signal, this.#restart.signal]);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  #runOnce() {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['--enable-source-maps', this.program], {
        cwd: ROOT,
        env: this.environment(),
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        detached: true,
      });
      this.#child = child;
      const end = (reason, status) => {
        this.#child = null;
        resolve({ reason, status });
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ?? `exit status ${code}`, code));
    });
  }
}
