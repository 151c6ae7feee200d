import { StopRequested } from './refusal.mjs';

/**
 * Listens for requests to stop. The first aborts the returned signal (its reason is a StopRequested); further ones, a terminal's
 * Ctrl-C pressed again or passed on by npm a second time, change nothing: the end is on its way and bounded.
 */
export function listenForStop() {
  const controller = new AbortController();
  const request = (name) => {
    if (!controller.signal.aborted) controller.abort(new StopRequested(name));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => request(name));

  // npm starts us through a shell. Not every shell passes a SIGTERM on, and a killed npm cannot: our parent is gone then.
  if (process.env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && request('SIGTERM'), 500).unref();
  }
  return controller.signal;
}

/** Resolves with the outcome of the work, or rejects as soon as a stop is requested. */
export async function orStop(signal, work) {
  signal.throwIfAborted();
  let onAbort;
  const stopped = new Promise((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  work.catch(() => undefined); // when we left for the stop, nobody else listens
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
