import { HEADERS } from './system.mjs';

/** Calls of an api that a benchmark makes one by one. */
export class CallApi {
  constructor(url, signal) {
    this.url = url;
    this.signal = signal;
  }

  /** @returns the id of the run */
  async start(wish) {
    const { status, body } = await this.post('/execution/start', wish);
    if (status !== 202) throw new Error(`a start was answered ${status} ${JSON.stringify(body)}`);
    return body.runId;
  }

  /** Turns the global switch on or off. */
  async stop(enabled) {
    const { status, body } = await this.post('/execution/stop', { enabled, reason: 'benchmark' });
    if (status !== 200) throw new Error(`a stop was answered ${status} ${JSON.stringify(body)}`);
  }

  statuses(runIds) {
    return Promise.all(runIds.map(async (runId) => (await this.#call(`/runs/${runId}`)).body.run.status));
  }

  get(path) {
    return this.#call(path);
  }

  put(path, body) {
    return this.#call(path, { method: 'PUT', body: JSON.stringify(body) });
  }

  post(path, body) {
    return this.#call(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async #call(path, request) {
    this.signal.throwIfAborted();
    const response = await fetch(`${this.url}/api${path}`, { headers: HEADERS, ...request });
    return { status: response.status, body: await response.json() };
  }
}
