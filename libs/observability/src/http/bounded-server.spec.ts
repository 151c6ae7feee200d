import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Express } from 'express';
import { eventually } from '../../../../test/support/eventually.js';
import { BoundedServer } from './bounded-server.js';

const LIMIT = 10;
const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

const sockets: Socket[] = [];
let adapter: BoundedServer;
let server: Server;
let asked: string[];
let answer: (() => void)[];

beforeEach(async () => {
  adapter = new BoundedServer(LIMIT);
  adapter.initHttpServer();
  server = adapter.getHttpServer();
  asked = [];
  answer = [];
  adapter.getInstance<Express>().use((request, response) => {
    asked.push(request.url);
    answer.push(() => response.end('done'));
    if (request.url === '/at-once') answer.pop()?.();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const each of answer) each();
  await adapter.close();
});

function open(bytes = '') {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  const state = { socket, closed: false, received: '' };
  socket.on('error', () => undefined).on('close', () => (state.closed = true));
  socket.on('data', (chunk: Buffer) => (state.received += chunk.toString()));
  if (bytes !== '') socket.write(bytes);
  return state;
}

const openMany = (count: number, bytes = '') => Array.from({ length: count }, () => open(bytes));

describe('a bounded server', () => {
  it('R2 carries out nothing that comes over a connection which it refuses', async () => {
    const busy = openMany(LIMIT, GET);
    await eventually('all are at work', () => asked.length === LIMIT);
    const refused = openMany(40, 'GET /refused HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually('they are closed', () => refused.every(({ closed }) => closed));
    for (const each of answer) each();
    await eventually('the others are answered', () => busy.every(({ received }) => received.includes('done')));
    expect([asked.length, refused.filter(({ received }) => received !== '').length]).toEqual([LIMIT, 0]);

    // Those are idle now: the one that is so for longest makes room.
    const next = open('GET /at-once HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually('it is answered', () => next.received.includes('done'));
    await eventually('one was closed', () => busy.filter(({ closed }) => closed).length === 1);
  });

  it('keeps a connection whose second request has begun when the first is answered', async () => {
    const pipelined = open(GET + GET);
    await eventually('both have arrived', () => asked.length === 2);
    answer[0]?.();
    await eventually('the first is answered', () => pipelined.received.includes('done'));
    adapter.closeIdleConnections();
    const others = openMany(LIMIT + 5, 'GET /at-once HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually('room was made', () => others.filter(({ closed }) => closed).length >= 5);
    answer[1]?.();
    await eventually('the second is, too', () => pipelined.received.split('done').length === 3);
    expect(pipelined.closed).toBe(false);
  });

  it('closes what is idle at its end, and waits for what is under way', async () => {
    const silent = openMany(3);
    const begun = open('GET / HTTP/1.1\r\nho');
    const busy = open(GET);
    const answered = open('GET /at-once HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually('it is answered', () => answered.received.includes('done') && asked.length === 2);
    let isClosed = false;
    const closing = adapter.close().then(() => (isClosed = true));
    await eventually('idle ones are closed', () => [...silent, answered].every(({ closed }) => closed));
    expect([begun.closed, busy.closed, isClosed]).toEqual([false, false, false]);
    begun.socket.write('st: x\r\n\r\n');
    await eventually('its rest has come', () => asked.length === 3);
    for (const each of answer) each();
    await closing;
    expect([begun.received, busy.received]).toEqual([expect.stringContaining('done'), expect.stringContaining('done')]);
  });
});
