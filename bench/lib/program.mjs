import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../../scripts/lib/environment.mjs';
import { Refusal } from '../../scripts/lib/refusal.mjs';
import { endGroup } from '../../scripts/lib/run-command.mjs';

const LISTENS_WITHIN_MS = 60_000;
const GRACE_MS = 5_000;

/** A Node program of a benchmark. What it writes goes to a file, as in production, where nobody's reading slows it down. */
export class Program {
  #end = '';

  /**
   * @param script path from the root
   * @param readyPath what answers 200 once it is ready
   * @param nodeOptions such as `--cpu-prof`
   */
  constructor(name, script, { folder, env, readyPath, nodeOptions = [] }) {
    this.name = name;
    this.readyPath = readyPath;
    this.log = join(folder, `${name}-${Date.now()}.log`);
    const output = openSync(this.log, 'a');
    this.startedAt = performance.now();
    // In a group of its own, so that Ctrl-C reaches only us; the channel's closing tells it that we are gone, even by SIGKILL.
    this.child = spawn(process.execPath, ['--enable-source-maps', ...nodeOptions, script], {
      cwd: ROOT,
      env,
      stdio: ['ignore', output, output, 'ipc'],
      detached: true,
    });
    closeSync(output);
    this.ended = new Promise((resolve) => {
      const end = (reason) => resolve((this.#end = reason));
      this.child.once('error', (error) => end(error.message));
      this.child.once('exit', (code, signal) => end(signal ?? `exit status ${code}`));
    });
  }

  get pid() {
    return this.child.pid;
  }

  /** Resolves with its address once it is ready. */
  async ready(signal) {
    const deadline = Date.now() + LISTENS_WITHIN_MS;
    for (;;) {
      signal.throwIfAborted();
      this.url ??= /"address":"([^"]+)"/.exec(this.output())?.[1];
      if (this.url !== undefined && (await isOk(this.url + this.readyPath))) return this.url;
      if (this.#end !== '') throw new Refusal(`The ${this.name} ended (${this.#end}):\n${this.output().slice(-2_000)}`);
      if (Date.now() > deadline) throw new Refusal(`The ${this.name} is not ready:\n${this.output().slice(-2_000)}`);
      await delay(10);
    }
  }

  output() {
    return readFileSync(this.log, 'utf8');
  }

  async stop() {
    if (this.#end === '') await endGroup(this.child, GRACE_MS);
    await this.ended;
  }
}

async function isOk(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}
