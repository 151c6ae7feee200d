import type { Cluster } from '../support/cluster.js';
import { callApi, type ClusterAnswer, type ClusterRequest, NoAnswer } from '../support/cluster-client.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import type { Exchange } from './history.js';

/** A request with its answer, or with how it failed to come. */
export interface Call extends Omit<Exchange, 'operation'> {
  readonly answer: ClusterAnswer | NoAnswer;
}

/** Asks the apis, as clients behind a load balancer do. */
export class Caller {
  constructor(private readonly cluster: Cluster) {}

  /** Asks the api that is wished, or another one while that is down. Never repeats anything. */
  async call(
    api: number,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    request: ClusterRequest = {},
  ): Promise<Call> {
    const process = this.route(api % this.cluster.apis.length);
    const sentAt = Date.now();
    const answer = await callApi(process, method, path, request).catch((error: unknown) => {
      if (error instanceof NoAnswer) return error;
      throw error;
    });
    return { api: process.name, sentAt, receivedAt: Date.now(), answer };
  }

  private route(api: number): ClusterProcess {
    const wished = this.cluster.api(api);
    return wished.url === undefined ? (this.cluster.apis.find(({ url }) => url !== undefined) ?? wished) : wished;
  }
}

/** What a request that was not answered may have done. */
export function unanswered(
  failure: NoAnswer,
): { kind: 'refused'; status: number; code: string } | { kind: 'unknown'; why: string } {
  if (failure.refused) return { kind: 'refused', status: 0, code: 'NOBODY_THERE' };
  return { kind: 'unknown', why: failure.message };
}

/** The answer's status and code; 0 and why there is none. */
export function statusOf(answer: ClusterAnswer | NoAnswer): { status: number; code: string } {
  if (answer instanceof NoAnswer) return { status: 0, code: answer.message };
  return { status: answer.status, code: codeOf(answer.body) };
}

export function codeOf(body: Readonly<Record<string, unknown>>): string {
  return typeof body['code'] === 'string' ? body['code'] : '';
}
