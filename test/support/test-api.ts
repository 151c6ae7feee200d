import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { ImportSampleDataset } from '@interlock/calibration';
import { CommandBus } from '@nestjs/cqrs';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApi } from '../../apps/api/create-api.js';
import { stopApi } from '../../apps/api/serve-api.js';
import { ApiDocument, type SeenAnswer } from './api-document.js';
import { TEST_TOKEN, testSettings } from './settings.js';
import { type Relay, startRelay } from './relay.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

export const AUTHORIZED = { authorization: `Bearer ${TEST_TOKEN}` };

/** What every answer to `call` is held against. */
export const apiDocument = new ApiDocument();

/** An answer, read to its end. `body` is the parsed JSON, or the text when it is none. */
export interface Answer {
  status: number;
  headers: Headers;
  body: AnswerBody;
}

export interface AnswerBody {
  [name: string]: unknown;
  code?: string;
  runId?: string;
  items?: unknown;
  nextCursor?: string | null;
  fieldErrors?: Record<string, string[]>;
}

/** The real api on a free port over a database of its own, which holds the dataset `sample`. */
export interface TestApi {
  readonly app: NestExpressApplication;
  readonly database: TestDatabase;
  /** The api's own way to its database. */
  readonly relay: Relay;
  readonly url: string;
  /** Fails when the answer is none that the OpenAPI document tells. */
  call(path: string, init?: RequestInit): Promise<Answer>;
  /** As an admin; `body` is sent as JSON. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  /** Sends these bytes over a connection and returns all that comes back until it is closed. */
  raw(bytes: string): Promise<string>;
  close(): Promise<void>;
}

export async function startTestApi(environment: Record<string, string> = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const relay = await startRelay(database.url);
  const app = await createApi(testSettings(relay.url, environment));
  await app.listen(0, '127.0.0.1');
  await app.get(CommandBus, { strict: false }).execute(new ImportSampleDataset());
  const url = await app.getUrl();
  const call = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const { status, headers, ...answer } = await seen(await fetch(`${url}${path}`, init));
    apiDocument.check(init.method ?? 'GET', path, { status, headers, ...answer });
    return { status, headers, body: parsed(answer.text) };
  };
  return {
    app,
    database,
    relay,
    url,
    call,
    post: (path, body, headers = {}) =>
      call(path, {
        method: 'POST',
        headers: { ...AUTHORIZED, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    get: (path) => call(path, { headers: AUTHORIZED }),
    raw: (bytes) => exchange(Number(new URL(url).port), bytes),
    close: async () => {
      await stopApi(app, 1_000);
      await relay.become('cut');
      await database.drop();
    },
  };
}

async function seen(response: Response): Promise<SeenAnswer> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function parsed(body: string): AnswerBody {
  try {
    return JSON.parse(body) as AnswerBody;
  } catch {
    return { text: body };
  }
}

async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(10_000, () => socket.destroy(new Error('the server keeps the connection open')));
  socket.write(bytes);
  return text(socket);
}
