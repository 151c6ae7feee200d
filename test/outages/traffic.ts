import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../support/cluster.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import { TEST_TOKEN } from '../support/settings.js';

/** What is promised of answers, in milliseconds, whatever is away; other requests answer "in bounded time". */
/** What was found out holds for 50 ms; the rest is for a busy machine. */
const HEALTH_LAGS_MS = 500;

const PROMISED_MS = { health: 2_000, stop: 3_000, start: 5_000, other: 8_000 };
/** What a machine that is busy with other suites may add. */
const SLACK_MS = 3_000;
const PAUSE_MS = 100;

export interface Observation {
  readonly program: string;
  readonly request: string;
  /** 0 when nobody answered. */
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
  readonly ms: number;
  /** `performance.now()` when it was sent. */
  readonly sentAt: number;
}

const API_REQUESTS: readonly [string, string, object?][] = [
  ['GET', '/api/health'],
  ['GET', '/api/health/ready'],
  ['GET', '/api/health/live'],
  ['POST', '/api/execution/start', { dryRun: true }],
  ['POST', '/api/execution/stop', { scope: 'strategy:nobody' }],
  ['POST', '/api/execution/stop', { scope: 'strategy:nobody', enabled: false }],
  ['GET', '/api/execution/stop'],
  ['GET', '/api/runs'],
  ['GET', '/api/risk'],
  ['GET', '/api/events'],
  ['GET', '/api/datasets'],
];
const WORKER_REQUESTS: readonly [string, string][] = [
  ['GET', '/health'],
  ['GET', '/health/ready'],
  ['GET', '/health/live'],
];

/** Asks every program of a cluster for everything, again and again, and notes what is answered and how soon. */
export class Traffic {
  readonly seen: Observation[] = [];
  private readonly ending = new AbortController();
  private readonly streams: Promise<void>[];

  constructor(cluster: Cluster) {
    this.streams = [
      ...cluster.apis.flatMap((api) => API_REQUESTS.map((request) => this.stream(api, ...request))),
      ...cluster.workers.flatMap((worker) => WORKER_REQUESTS.map((request) => this.stream(worker, ...request))),
    ];
  }

  /** Ends it; resolves when everything is answered. */
  async end(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.streams);
  }

  /**
   * What was sent between these two moments and fits the pattern, a text such as `POST /api/execution/start`. The api's health, which
   * may tell for a moment what it found before, is looked at from a little later on.
   */
  between(from: number, to: number, pattern: RegExp): Observation[] {
    const isDue = ({ sentAt, request }: Observation) =>
      sentAt >= from + (request.endsWith(' /api/health') ? HEALTH_LAGS_MS : 0) && sentAt <= to;
    return this.seen.filter((observation) => isDue(observation) && pattern.test(observation.request));
  }

  /** Answers that no outage excuses: none at all, a fault of ours, too late. Empty when all is well. */
  faults(): Observation[] {
    return this.seen.filter(({ status, request, ms }) => {
      const promised = request.includes('/health')
        ? PROMISED_MS.health
        : request.endsWith('/execution/start')
          ? PROMISED_MS.start
          : request.startsWith('POST')
            ? PROMISED_MS.stop
            : PROMISED_MS.other;
      return status === 0 || status === 500 || ms > promised + SLACK_MS;
    });
  }

  private async stream(program: ClusterProcess, method: string, path: string, body?: object): Promise<void> {
    while (!this.ending.signal.aborted) {
      this.seen.push(await ask(program, method, path, body));
      await delay(PAUSE_MS);
    }
  }
}

/** One request and what became of it. */
export async function ask(
  { name, url }: ClusterProcess,
  method: string,
  path: string,
  body?: object,
): Promise<Observation> {
  const sentAt = performance.now();
  const observation = { program: name, request: `${method} ${path}`, sentAt };
  try {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(15_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { code } = (await response.json()) as { code?: string };
    const ms = performance.now() - sentAt;
    return { ...observation, status: response.status, code, retryAfter: response.headers.get('retry-after'), ms };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const ms = performance.now() - sentAt;
    return { ...observation, status: 0, code: String(cause), retryAfter: null, ms };
  }
}
