import { AsyncLocalStorage } from 'node:async_hooks';

/** What ties log lines together. */
export interface Correlation {
  requestId?: string;
  runId?: string;
  jobId?: string;
}

const storage = new AsyncLocalStorage<Correlation>();

/** Runs `work` so that every log line written in it carries these ids beside those that already apply. */
export function correlated<T>(ids: Correlation, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...ids }, work);
}

/** The ids that apply here. */
export function correlation(): Correlation {
  return storage.getStore() ?? {};
}
