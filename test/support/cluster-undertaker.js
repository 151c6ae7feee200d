import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { runningServer, signalProcess } from '../../dist/libs/persistence/src/embedded/server-process.js';

/**
 * Ends what a cluster leaves behind when its test process is gone, however that ended: our standard input is a pipe whose other
 * end only it holds. It writes a pid per line for every program that it starts. Programs end by themselves when their parent dies,
 * but not one that is frozen just then; the database never does.
 */
const [folder] = process.argv.slice(2);
const pids = new Set();
for await (const line of createInterface({ input: process.stdin })) pids.add(Number(line));

for (const pid of pids) if (isOurs(pid)) signalProcess(pid, 'SIGKILL');
for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL']) {
  const server = runningServer(`${folder}/postgres`);
  if (server === null) break;
  signalProcess(server.pid, signal);
  for (let waited = 0; waited < 2_000 && runningServer(`${folder}/postgres`) !== null; waited += 20) await delay(20);
}
await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });

/** Every program is started with the cluster's folder as an argument, so that a pid which was given away again is told apart. */
function isOurs(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folder);
  } catch {
    return false; // gone; on systems without /proc the programs end by themselves, unless frozen
  }
}
