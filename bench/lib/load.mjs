import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { orStop } from '../../scripts/lib/stop-requests.mjs';
import { summary } from './statistics.mjs';

const PROGRAM = fileURLToPath(new URL('load-process.mjs', import.meta.url));

/**
 * Loads an address for a time from a process of its own.
 * @param wish `{ url, method, headers, body, connections, seconds, expect }`; another status than `expect` is an error
 * @returns `{ perSecond, p50, p99, max, clientShare }`: milliseconds, and the share of a core that the client itself used
 */
export async function load(signal, { expect = '200', ...wish }) {
  const child = fork(PROGRAM, { detached: true });
  const outcome = new Promise((resolve, reject) => {
    child.once('message', ({ result, error }) => (result ? resolve(result) : reject(new Error(error))));
    child.once('error', reject);
    child.once('exit', (code, name) => reject(new Error(`the load ended: ${name ?? code}`)));
  });
  try {
    child.send(wish);
    const { latencies, statuses, closed, seconds, cpuShare } = await orStop(signal, outcome);
    const others = Object.keys(statuses).filter((status) => status !== expect);
    if (others.length > 0 || closed > 0) {
      throw new Error(`${wish.url} answered ${JSON.stringify(statuses)} and closed ${closed} connections`);
    }
    return { perSecond: latencies.length / seconds, ...summary(latencies), clientShare: cpuShare };
  } finally {
    child.kill('SIGKILL');
  }
}
