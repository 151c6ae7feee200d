import { setTimeout as delay } from 'node:timers/promises';
import { setting } from './environment.mjs';
import { Refusal, UsageError } from './refusal.mjs';

const ANSWER_WITHIN_MS = 10_000;

/** The base of the API's routes for an address with or without the `/api`. */
export function apiBase(address) {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new UsageError(`${address} is not an address like http://127.0.0.1:3000.`);
  }
  return `${address.replace(/\/+$/, '').replace(/\/api$/, '')}/api`;
}

/** Calls routes of the API with a token. */
export class ApiClient {
  /** @param signal ends what is under way */
  constructor(base, token, signal) {
    this.base = base;
    this.token = token;
    this.signal = signal;
  }

  /**
   * Whatever the API answers.
   * @returns `{ status, body }`; the body is empty where the answer is no JSON
   * @throws Refusal when nothing answers
   */
  async request(method, path, body, { token = this.token } = {}) {
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    };
    const timeout = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const signal = this.signal ? AbortSignal.any([this.signal, timeout]) : timeout;
    try {
      // A redirect could take the token elsewhere.
      const options = { method, headers, body: body && JSON.stringify(body), signal, redirect: 'manual' };
      const response = await fetch(`${this.base}${path}`, options);
      const text = await response.text();
      return { status: response.status, body: parsed(text) };
    } catch (error) {
      if (this.signal?.aborted) throw this.signal.reason;
      const reason = error.name === 'TimeoutError' ? `not within ${ANSWER_WITHIN_MS / 1000} s` : reasonOf(error);
      throw new Refusal(`${this.base} does not answer (${reason}).`, { cause: error });
    }
  }

  /**
   * The answer of a call that is to succeed.
   * @throws Refusal with what the API said otherwise
   */
  async call(method, path, body) {
    const answer = await this.request(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Refusal(describeAnswer(answer));
  }

  /**
   * Follows a run to its end.
   * @param onState told each state that is new
   * @throws Refusal when that takes longer than `withinMs`
   */
  async finished(runId, withinMs, onState = () => undefined) {
    const deadline = Date.now() + withinMs;
    for (let state; ;) {
      const { run } = await this.call('GET', `/runs/${runId}`);
      if (run.state !== state) onState((state = run.state));
      if (!['queued', 'running'].includes(state)) return run;
      if (Date.now() > deadline) throw new Refusal(`Run ${runId} is still ${state} after ${withinMs / 1000} s.`);
      await delay(50);
    }
  }
}

/** An answer in a few words: its status, and the code and sentence of a refusal. */
export function describeAnswer({ status, body }) {
  const faults = body.fieldErrors ? ` ${JSON.stringify(body.fieldErrors)}` : '';
  return body.code ? `${status} ${body.code}: ${body.message}${faults}` : `status ${status}`;
}

/** Where the API of this machine is, unless INTERLOCK_URL says otherwise. */
export function configuredApi() {
  return apiBase(setting('INTERLOCK_URL') ?? `http://127.0.0.1:${setting('PORT') ?? 3000}`);
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function reasonOf(error) {
  return error.cause?.code ?? error.cause?.message ?? error.message;
}
