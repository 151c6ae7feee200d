import type { ClusterProcess } from './cluster-process.js';
import { TEST_TOKEN } from './settings.js';

/** An answer of an api. */
export interface ClusterAnswer {
  status: number;
  body: Record<string, unknown>;
}

/** Nobody answered: the connection was refused, reset, or silent for too long. Whether the request was carried out is open. */
export class NoAnswer extends Error {
  /** @param refused true when no byte of the request can have been read, since nobody took the connection */
  constructor(
    message: string,
    readonly refused: boolean,
  ) {
    super(message);
    this.name = 'NoAnswer';
  }
}

export interface ClusterRequest {
  body?: unknown;
  headers?: Record<string, string>;
  /** How long to wait for the whole answer; 10 s unless told. */
  timeoutMs?: number;
}

/**
 * Sends a request, with the token of the bootstrap admin, to an api. Never repeats anything.
 * @throws NoAnswer
 */
export async function callApi(
  api: ClusterProcess,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { body, headers = {}, timeoutMs = 10_000 }: ClusterRequest = {},
): Promise<ClusterAnswer> {
  if (api.url === undefined) throw new NoAnswer(`${api.name} is down`, true);
  try {
    const response = await fetch(api.url + path, {
      method,
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json', ...headers },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    throw new NoAnswer(
      `${api.name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      code === 'ECONNREFUSED',
    );
  }
}
