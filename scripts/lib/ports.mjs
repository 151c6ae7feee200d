import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { port, setting } from './environment.mjs';
import { Refusal } from './refusal.mjs';

const READY_WITHIN_MS = 60_000;

/** Where api and worker listen. Port 0 stands for any free one. */
export async function addresses() {
  const host = setting('HOST') ?? '127.0.0.1';
  const [apiPort, workerPort] = [port('PORT', 3000), port('WORKER_PORT', 3001)];
  if (apiPort === workerPort && apiPort !== 0) throw new Refusal('PORT and WORKER_PORT must differ.');
  const api = await claim(host, 'PORT', apiPort);
  const worker = await claim(host, 'WORKER_PORT', workerPort);
  return {
    apiPort: api,
    workerPort: worker,
    api: `http://${reachable(host)}:${api}/api`,
    worker: `http://${reachable(host)}:${worker}`,
  };
}

/** Finds out before anything is installed or built whether the port is free. */
async function claim(host, name, wanted) {
  const server = createServer();
  try {
    await new Promise((resolve, reject) => server.once('error', reject).listen(wanted, host, resolve));
    return server.address().port;
  } catch (error) {
    throw new Refusal(reasonAgainst(host, name, wanted, error.code));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function reasonAgainst(host, name, wanted, code) {
  if (code === 'EADDRINUSE') {
    return `Port ${wanted} on ${host} is in use by another program. Set ${name} to a free port, for example:\n\n  ${name}=${wanted + 100} npm start`;
  }
  if (code === 'EACCES') return `Port ${wanted} may not be used by this account. Set ${name} to one from 1024 on.`;
  return `Nothing can listen on ${host}, port ${wanted} (${code}). Check HOST and ${name}.`;
}

/** An address to connect to when the server listens on all of them. */
function reachable(host) {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Waits until a readiness address answers 200. */
export async function untilReady(name, url, signal) {
  const deadline = Date.now() + READY_WITHIN_MS;
  let reason = 'no answer';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      if (response.status === 200) return;
      reason = `status ${response.status}: ${(await response.text()).slice(0, 300)}`;
    } catch (error) {
      reason = error.cause?.code ?? error.message;
    }
    await delay(100);
  }
  throw new Refusal(`The ${name} did not become ready within ${READY_WITHIN_MS / 1000} s (${url}: ${reason}).`);
}
