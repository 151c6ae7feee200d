import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { answers, WEBHOOK_KEY, WebhookReceiver } from '../../../../test/support/webhook-receiver.js';
import type { Alert } from './alert-channel.js';
import { WebhookChannel } from './webhook-channel.js';

const alert: Alert = {
  deliveryId: '019a0000-0000-7000-8000-000000000001',
  text: '[critical] Kill switch ON',
  event: {
    id: '019a0000-0000-7000-8000-000000000002',
    event: 'kill_switch_on',
    severity: 'critical',
    at: '2026-01-01T00:00:00.000Z',
    source: 'kill-switch',
    runId: null,
    jobId: null,
    reason: null,
    actor: 'ada',
    details: { scope: 'global' },
  },
};

let receiver: WebhookReceiver;

beforeEach(async () => {
  receiver = await WebhookReceiver.start();
});

afterEach(() => receiver.close());

function send(timeoutMs = 2_000, signal = new AbortController().signal): Promise<void> {
  return new WebhookChannel(receiver.url, timeoutMs).send(alert, signal);
}

/** The message of the failure, which must not hold the address. */
async function failureOf(sending: Promise<void>): Promise<string> {
  const error = await sending.then(
    () => new Error('it did not fail'),
    (fault: unknown) => fault as Error,
  );
  expect(error.name).toBe('AlertNotAccepted');
  expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(
    new RegExp(`${WEBHOOK_KEY}|${new URL(receiver.url).host}`),
  );
  return error.message;
}

describe('the webhook channel', () => {
  it('posts text and event as JSON, with the delivery’s id', async () => {
    await send();
    expect(receiver.posts).toMatchObject([
      {
        method: 'POST',
        path: `/hooks/${WEBHOOK_KEY}?also=${WEBHOOK_KEY}`,
        headers: { 'content-type': 'application/json', 'x-interlock-delivery': alert.deliveryId },
      },
    ]);
    const { runId: _run, jobId: _job, reason: _reason, ...present } = alert.event;
    expect(receiver.posts[0]?.body).toEqual({ text: alert.text, event: present });
  });

  it.each([200, 201, 202, 204])('takes HTTP %i for accepted', async (status) => {
    receiver.answer = (response) => response.writeHead(status).end();
    await expect(send()).resolves.toBeUndefined();
  });

  it.each([400, 401, 404, 410, 429, 500, 503])('takes HTTP %i for not accepted', async (status) => {
    receiver.answer = answers.status(status);
    expect(await failureOf(send())).toBe(`HTTP ${status}`);
  });

  it('follows no redirect', async () => {
    const elsewhere = await WebhookReceiver.start();
    try {
      receiver.answer = answers.redirectTo(elsewhere.url);
      expect(await failureOf(send())).toBe('HTTP 307');
      expect(elsewhere.posts).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it.each([
    ['never answers', answers.hang],
    ['never ends its answer', answers.half],
  ])('gives up a receiver that %s', async (_, answer) => {
    receiver.answer = answer;
    const started = performance.now();
    expect(await failureOf(send(150))).toBe('no complete answer within 150 ms');
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('does not read an answer without end', async () => {
    receiver.answer = answers.withoutEnd;
    await expect(send()).resolves.toBeUndefined();
  });

  it.each([
    ['before the answer', answers.breakOff],
    ['in the answer', answers.breakOffInTheBody],
  ])('reports a connection that breaks off %s', async (_, answer) => {
    receiver.answer = answer;
    expect(await failureOf(send())).toMatch(/^the connection failed( \([A-Z_]+\))?$/);
  });

  it('reports a refused connection', async () => {
    await receiver.close();
    const spare = createServer().listen(0, '127.0.0.1');
    await once(spare, 'listening');
    const { port } = spare.address() as AddressInfo;
    spare.close();
    await once(spare, 'close');
    const channel = new WebhookChannel(`http://127.0.0.1:${port}/${WEBHOOK_KEY}`, 2_000);
    receiver = await WebhookReceiver.start();
    expect(await failureOf(channel.send(alert, new AbortController().signal))).toBe(
      'the connection failed (ECONNREFUSED)',
    );
  });

  it('reports what does not speak HTTP', async () => {
    const gibberish = createServer((socket) => socket.on('error', () => undefined).end('gibberish\r\n\r\n'));
    gibberish.listen(0, '127.0.0.1');
    await once(gibberish, 'listening');
    const { port } = gibberish.address() as AddressInfo;
    const channel = new WebhookChannel(`http://127.0.0.1:${port}/${WEBHOOK_KEY}`, 2_000);
    expect(await failureOf(channel.send(alert, new AbortController().signal))).toMatch(/^the connection failed \(HPE_/);
    gibberish.close();
  });

  it('gives up at once when told to', async () => {
    receiver.answer = answers.hang;
    const giveUp = new AbortController();
    const sending = failureOf(send(10_000, giveUp.signal));
    giveUp.abort();
    expect(await sending).toBe('given up: the process is ending');
  });
});
