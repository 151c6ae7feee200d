import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isServerOf, signalProcess } from '../../dist/libs/persistence/src/embedded/server-process.js';

/** Waits until whoever holds our standard input is gone, then ends the test server and removes its folder. */
const [pid, dataFolder, folder] = [Number(process.argv[2]), process.argv[3], process.argv[4]];

process.stdin.resume();
await new Promise((resolve) => process.stdin.once('close', resolve));

for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL']) {
  if (!isServerOf(pid, dataFolder)) break;
  signalProcess(pid, signal);
  for (let waited = 0; waited < 2_000 && isServerOf(pid, dataFolder); waited += 20) await delay(20);
}
await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
