import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { forgetCompiled } from './compile.mjs';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { endGroup } from './run-command.mjs';
import { report, say } from './terminal.mjs';

/** The compiler's last line about a round. */
const ROUND_ENDED = /Found (\d+) errors?\. Watching for file changes/;
const NOISE = /^$|Starting (incremental )?compilation|File change detected/;
const PATIENCE_MS = 2_000;

/**
 * Compiles to `dist` whatever changes, until a stop is requested, which it rejects with.
 * @param onBuilt called after each round without errors, but not after the first, which finds what was compiled before
 * @throws Refusal when the compiler ends by itself
 */
export async function watchBuild(signal, onBuilt) {
  signal.throwIfAborted();
  forgetCompiled();
  const args = ['node_modules/@nestjs/cli/bin/nest.js', 'build', 'api', '--watch', '--preserveWatchOutput'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let rounds = 0;
  createInterface({ input: child.stdout }).on('line', (raw) => {
    const line = stripVTControlCharacters(raw).trim();
    const errors = ROUND_ENDED.exec(line)?.[1];
    if (errors === undefined) {
      if (!NOISE.test(line)) say(raw);
      return;
    }
    rounds += 1;
    if (errors !== '0') report(`${errors} errors; what runs is the last build without`);
    else if (rounds === 1) report('watching apps and libs for changes');
    else {
      report('compiled, restarting');
      onBuilt();
    }
  });

  const stop = () => void endGroup(child, PATIENCE_MS);
  signal.addEventListener('abort', stop, { once: true });
  const outcome = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, killedBy) => resolve(killedBy ?? `exit status ${code}`));
  });
  signal.throwIfAborted();
  throw new Refusal(`The compiler ended (${outcome}).`);
}
