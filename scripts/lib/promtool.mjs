import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';

/**
 * Runs promtool.
 * @param input what it reads from its standard input
 * @returns what it says
 */
export async function promtool(args, { signal, input = '' }) {
  const child = spawn('promtool', args, { cwd: ROOT, stdio: 'pipe', signal });
  const status = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdin.on('error', () => undefined); // it may end before it has read everything; its status tells
  child.stdin.end(input);
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    if ((await status) === 0) return (await said).join('').trim();
  } catch (error) {
    await said.catch(() => undefined);
    if (error.code === 'ENOENT') throw new Refusal('promtool is not installed (Debian: apt-get install prometheus).');
    throw error;
  }
  throw new Refusal(`promtool ${args.join(' ')} found faults:\n\n${(await said).join('').trim()}`);
}
