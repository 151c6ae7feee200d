import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminToken } from './admin-token.mjs';
import { built, homeFolder, setting, shown } from './environment.mjs';
import { DatabaseKeeper } from './database-keeper.mjs';
import { describeDatabase, migrate, openDatabase, seed } from './database.mjs';
import { showFirstRun } from './first-run.mjs';
import { lockHome } from './home-lock.mjs';
import { addresses, untilReady } from './ports.mjs';
import { prepareProgram } from './prepare-program.mjs';
import { StopRequested, explain } from './refusal.mjs';
import { Service } from './service.mjs';
import { orStop } from './stop-requests.mjs';
import { bold, report, say, step } from './terminal.mjs';
import { watchBuild } from './watch-build.mjs';
import { tryNext, welcome } from './welcome.mjs';

/** What api and worker get to finish what they are doing, unless SHUTDOWN_GRACE_MS says otherwise. */
const GRACE_MS = 5_000;
/** What they get beyond their grace before they are killed, and what the database gets. */
const MARGIN_MS = 1_500;
const DATABASE_PATIENCE_MS = 2_000;

/**
 * Runs the whole system until it is asked to stop.
 * @param watch whether to compile what changes and to restart api and worker then
 * @returns the exit status: 0 when it was stopped on request after it had been ready
 */
export async function launch({ signal, watch = false }) {
  const launcher = new Launcher(signal);
  let status = 0;
  try {
    await launcher.start();
    await launcher.run({ watch });
  } catch (error) {
    if (!(error instanceof StopRequested)) {
      explain(error);
      status = 1;
    } else if (!launcher.ready) status = error.exitStatus;
  } finally {
    await launcher.stop();
  }
  return status;
}

class Launcher {
  ready = false;
  #services = [];
  #database = null;
  #opening = null;
  #unlock = () => undefined;

  constructor(signal) {
    this.signal = signal;
  }

  async start() {
    const { signal } = this;
    const home = homeFolder();
    say(`${bold('Interlock')} on Node ${process.versions.node}, home folder ${shown(home)}`);
    const places = await this.#takePlaces(home);
    const { token, place: tokenPlace, command: tokenCommand } = adminToken(home);

    await prepareProgram({ signal });
    await step('database', (onProgress) => this.#openDatabase(onProgress));
    await step('migrate', () => orStop(signal, migrate(this.#database.url)));
    await step('dataset', async () => (await orStop(signal, seed(this.#database.url))).dataset);

    const environment = (more) => () => ({
      ...process.env,
      INTERLOCK_HOME: home,
      SHUTDOWN_GRACE_MS: String(graceMs()),
      ...(!setting('ADMIN_API_TOKEN_FILE') && { ADMIN_API_TOKEN: token }),
      ...(!setting('DATABASE_URL_FILE') && { DATABASE_URL: this.#database.url }),
      ...more,
    });
    const api = this.#add('api', environment({ PORT: String(places.apiPort) }));
    const worker = this.#add('worker', environment({ WORKER_PORT: String(places.workerPort) }));
    // Both print their log by now.
    const talkative = { talkative: true };
    const health = `${places.worker}/health`;
    await step('api', () => this.#bringUp(api, `${places.api}/health/ready`, places.api), talkative);
    await step('worker', () => this.#bringUp(worker, `${health}/ready`, `health at ${health}`), talkative);
    this.ready = true;

    const { dataFolder } = this.#database;
    // As root the data may be elsewhere than in the home folder: whoever wants to back them up must know.
    const database = dataFolder && { data: shown(dataFolder), log: shown(join(home, 'postgres.log')) };
    welcome({ api: places.api, tokenPlace, database });
    await showFirstRun(places.api, token, signal);
    signal.throwIfAborted();
    tryNext({ api: places.api, tokenCommand });
  }

  /** Goes on until a stop is requested, which it rejects with. */
  async run({ watch }) {
    if (watch) await watchBuild(this.signal, () => this.#services.forEach((service) => service.restart()));
    await orStop(this.signal, new Promise(() => undefined));
  }

  /** Ends everything that was started, the database last. */
  async stop() {
    if (this.signal.aborted && this.#services.length + Number(this.#database !== null) > 0) report('stopping');
    await Promise.all(this.#services.map((service) => service.stop(graceMs() + MARGIN_MS)));
    await this.#opening?.catch(() => undefined);
    await this.#database?.stop(DATABASE_PATIENCE_MS);
    this.#unlock();
    if (this.ready) report('stopped');
  }

  async #takePlaces(home) {
    // The lock first: of two starts on one folder the second must hear of the first, not of a port in use.
    const wanted = `http://${setting('HOST') ?? '127.0.0.1'}:${setting('PORT') ?? 3000}/api`;
    this.#unlock = lockHome(home, wanted);
    return addresses();
  }

  async #openDatabase(onProgress) {
    const opening = openDatabase({ signal: this.signal, onProgress });
    this.#opening = opening;
    const opened = await opening;
    this.#database = new DatabaseKeeper(opened, () => this.#services.forEach((service) => service.restart()));
    return describeDatabase(opened);
  }

  #add(name, environment) {
    const service = new Service(name, fileURLToPath(built(`apps/${name}/main.js`)), environment);
    this.#services.push(service);
    service.start();
    return service;
  }

  async #bringUp(service, url, text) {
    const anyFailed = Promise.race(this.#services.map(({ failed }) => failed));
    await orStop(this.signal, Promise.race([untilReady(service.name, url, this.signal), anyFailed]));
    service.markReady();
    return text;
  }
}

function graceMs() {
  return Number(setting('SHUTDOWN_GRACE_MS') ?? GRACE_MS);
}
