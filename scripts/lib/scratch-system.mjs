import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ROOT, built } from './environment.mjs';
import { untilReady } from './ports.mjs';
import { Refusal } from './refusal.mjs';
import { endGroup } from './run-command.mjs';
import { ScratchDatabase } from './scratch-database.mjs';
import { orStop } from './stop-requests.mjs';

const LISTENS_WITHIN_MS = 60_000;
const GRACE_MS = 3_000;
const SHOWN_LINES = 15;
/** Of the surrounding environment the programs get only this: settings made for another system must not reach them. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot'];

/** Database, api and worker of their own, in a temporary folder, on free ports, apart from every setting. */
export class ScratchSystem {
  api = '';
  #database = new ScratchDatabase();
  #url = '';
  #programs = [];

  constructor(signal) {
    this.signal = signal;
  }

  get home() {
    return this.#database.home;
  }

  /** @returns its password, and where it is in a few words */
  async openDatabase() {
    this.#url = await this.#database.open(this.signal);
    const { hostname, port, password } = new URL(this.#url);
    return { password, text: `PostgreSQL on ${hostname}:${port}` };
  }

  async migrateQueue() {
    await orStop(this.signal, this.#database.migrateQueue());
  }

  async migrateTables() {
    return `${(await orStop(this.signal, this.#database.migrateTables())).length} applied`;
  }

  /** Starts api and worker and waits until both are ready. */
  async startPrograms(token) {
    const inherited = INHERITED.filter((name) => process.env[name] !== undefined);
    const environment = {
      ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
      INTERLOCK_HOME: this.home,
      DATABASE_URL: this.#url,
      ADMIN_API_TOKEN: token,
      PORT: '0',
      WORKER_PORT: '0',
      SHUTDOWN_GRACE_MS: String(GRACE_MS),
    };
    const [api, worker] = ['api', 'worker'].map((name) => new ScratchProgram(name, environment));
    this.#programs = [api, worker];
    this.api = `${await api.address(this.signal)}/api`;
    await untilReady('api', `${this.api}/health/ready`, this.signal);
    await untilReady('worker', `${await worker.address(this.signal)}/health/ready`, this.signal);
    return this.api;
  }

  /** What the programs said last. */
  logs() {
    return this.#programs.map((program) => `--- ${program.name} said last:\n${program.lastLines()}`).join('\n');
  }

  /** Ends everything and removes the folder. */
  async remove() {
    await Promise.all(this.#programs.map((program) => program.stop()));
    await this.#database.remove();
  }
}

/** A program whose output is kept instead of shown. */
class ScratchProgram {
  #output = '';
  /** How it ended; empty while it runs. */
  #end = '';

  constructor(name, env) {
    this.name = name;
    // In a group of its own, so that Ctrl-C reaches only us; the channel's closing tells it that we are gone, even by SIGKILL.
    const args = ['--enable-source-maps', fileURLToPath(built(`apps/${name}/main.js`))];
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'];
    this.child = spawn(process.execPath, args, { cwd: ROOT, env, stdio, detached: true });
    const collect = (chunk) => (this.#output = (this.#output + chunk).slice(-100_000));
    this.child.stdout.on('data', collect);
    this.child.stderr.on('data', collect);
    this.ended = new Promise((resolve) => {
      const end = (reason) => resolve((this.#end = reason));
      this.child.once('error', (error) => end(error.message));
      this.child.once('exit', (code, signal) => end(signal ?? `exit status ${code}`));
    });
  }

  /** The address at which it says that it listens. */
  async address(signal) {
    const deadline = Date.now() + LISTENS_WITHIN_MS;
    for (;;) {
      signal.throwIfAborted();
      const address = /"address":"([^"]+)"/.exec(this.#output)?.[1];
      if (address !== undefined) return address;
      if (this.#end !== '') throw new Refusal(`The ${this.name} ended (${this.#end}).`);
      if (Date.now() > deadline) throw new Refusal(`The ${this.name} does not listen.`);
      await delay(20);
    }
  }

  lastLines() {
    return this.#output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
  }

  async stop() {
    await endGroup(this.child, GRACE_MS + 1_500);
    await this.ended;
  }
}
