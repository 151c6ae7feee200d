import { createReadStream, statSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HEADERS } from './system.mjs';

const CSV = { ...HEADERS, 'content-type': 'text/csv' };
const LOOK_EVERY_MS = 5;

/** What a user of datasets does with the api. */
export class Api {
  constructor(url, signal) {
    this.url = url;
    this.signal = signal;
  }

  async call(method, path, { headers = HEADERS, ...more } = {}) {
    const response = await fetch(`${this.url}/api${path}`, { method, headers, signal: this.signal, ...more });
    const body = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(body)}`);
    return body;
  }

  importFile(name, path) {
    const body = createReadStream(path, { highWaterMark: 1 << 18 });
    return this.call('PUT', `/datasets/${name}`, { headers: CSV, body, duplex: 'half' });
  }

  /**
   * Sends a share of a file as fast as it is taken, then goes away.
   * @returns milliseconds from then until the api has given the import up
   */
  async importAbandoned(path, system, share) {
    const size = statSync(path).size;
    const end = Math.floor(size * share);
    const file = createReadStream(path, { highWaterMark: 1 << 18, end: end - 1 });
    const sending = request(`${this.url}/api/datasets/abandoned`, {
      method: 'PUT',
      headers: { ...CSV, 'content-length': size },
    });
    sending.on('error', () => undefined);
    for await (const chunk of file) {
      if (!sending.write(chunk)) await new Promise((resolve) => sending.once('drain', resolve));
    }
    sending.destroy();
    const leftAt = performance.now();
    for (;;) {
      const underWay = await system.query(`SELECT FROM dataset_versions WHERE state = 'staging'`);
      if (underWay.length === 0) break;
      await delay(LOOK_EVERY_MS);
    }
    const after = performance.now() - leftAt;
    const [found] = await system.query(`SELECT FROM datasets WHERE name = 'abandoned'`);
    if (found !== undefined) throw new Error('an import was completed though its sender had gone');
    return after;
  }

  async report(dataset) {
    const { runId } = await this.startCalibration(dataset);
    const run = await this.runUntil(runId, ({ finishedAt }) => finishedAt !== undefined);
    if (run.status !== 'COMPLETED') throw new Error(`the run ended ${run.status}: ${run.failure?.message}`);
    return (await this.call('GET', `/runs/${runId}/report`)).report;
  }

  /** Milliseconds from the answer of what ends a run, in the middle of its scoring, until the run has ended CANCELED. */
  async reportEnded(dataset, end) {
    const { runId } = await this.startCalibration(dataset);
    await this.runUntil(runId, ({ stages }) =>
      stages.some(({ name, progress }) => name === 'score' && progress?.done > 0),
    );
    await end(runId);
    const answeredAt = performance.now();
    const run = await this.runUntil(runId, ({ finishedAt }) => finishedAt !== undefined);
    if (run.status !== 'CANCELED') throw new Error(`the run ended ${run.status} before it could be stopped`);
    return performance.now() - answeredAt;
  }

  cancel(runId) {
    return this.call('POST', `/runs/${runId}/cancel`);
  }

  halt() {
    return this.call('POST', '/execution/stop', { body: JSON.stringify({ reason: 'benchmark' }) });
  }

  startCalibration(dataset) {
    const wish = { dryRun: false, pipeline: 'calibration', input: { dataset } };
    return this.call('POST', '/execution/start', { body: JSON.stringify(wish) });
  }

  async runUntil(runId, reached) {
    for (;;) {
      const { run } = await this.call('GET', `/runs/${runId}`);
      if (reached(run)) return run;
      await delay(LOOK_EVERY_MS);
    }
  }
}
