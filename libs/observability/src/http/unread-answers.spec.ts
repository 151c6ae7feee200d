import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { eventually } from '../../../../test/support/eventually.js';
import { type ReadingRules, UnreadAnswers } from './unread-answers.js';

const MEBIBYTE = 1024 * 1024;
/** More than the buffers of both ends of a connection hold. */
const LARGE = Buffer.alloc(16 * MEBIBYTE, 'x');

let server: Server;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(rules: Partial<ReadingRules>): Promise<UnreadAnswers> {
  server = createServer((request, response) => {
    response.setHeader('content-type', request.url === '/events' ? 'text/event-stream' : 'text/plain');
    response.end(request.url === '/small' ? 'small' : LARGE);
  });
  const usual = { graceMs: 60_000, bytesPerSecond: 1e9, mostBytes: 1e9, checkEveryMs: 20 };
  const unread = new UnreadAnswers(server, { ...usual, ...rules });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return unread;
}

interface Reader {
  received: number;
  closed: boolean;
  readonly socket: Socket;
}

function reader(path: string, reads = false): Reader {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  const state = { received: 0, closed: false, socket };
  socket.on('error', () => undefined).on('close', () => (state.closed = true));
  socket.on('data', (bytes: Buffer) => (state.received += bytes.length));
  if (!reads) socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return state;
}

/** Whoever does not read does not see the end of the connection either, until it does read. */
const cutOff = (state: Reader) => {
  state.socket.resume();
  return eventually('it is cut off', () => state.closed);
};

describe('an answer that is not read', () => {
  it('is cut off after its time, and only that one', async () => {
    // Long enough for the one that reads, also where both its ends share a busy processor with other tests.
    const unread = await serve({ graceMs: 3_000 });
    const quick = reader('/', true);
    await eventually('one is read', () => quick.received > LARGE.length);
    const [silent, small, stream] = [reader('/'), reader('/small'), reader('/events')];
    await eventually('the other is cut off', () => unread.cutOff === 1);
    await cutOff(silent);
    expect(silent.received).toBeLessThan(LARGE.length);
    expect([small.closed, stream.closed, quick.closed, unread.cutOff]).toEqual([false, false, false, 1]);
  });

  it('has longer when it is large', async () => {
    const unread = await serve({ graceMs: 0, bytesPerSecond: LARGE.length / 60 });
    const slow = reader('/');
    const begun = performance.now();
    await eventually('some checks have passed', () => performance.now() - begun > 300);
    expect([slow.closed, unread.cutOff]).toEqual([false, 0]);
  });

  it('gives way when all of them together hold too much: the oldest first', async () => {
    const unread = await serve({ mostBytes: 2.5 * LARGE.length });
    const all: Reader[] = [];
    for (let n = 0; n < 4; n++) {
      all.push(reader('/'));
      await eventually('it is being sent', () => all[n]?.socket.bytesWritten !== 0 && unread.cutOff >= n - 1);
    }
    await eventually('two are cut off', () => unread.cutOff === 2);
    for (const state of all.slice(0, 2)) await cutOff(state);
    for (const state of all.slice(2)) state.socket.resume();
    await eventually('the others are read', () => all.slice(2).every(({ received }) => received > LARGE.length));
    expect(unread.cutOff).toBe(2);
  });

  it('can be given up for somebody new', async () => {
    const unread = await serve({});
    expect(unread.cutOldest()).toBe(false);
    const silent = reader('/');
    await eventually('it is being sent', () => unread.cutOldest());
    await cutOff(silent);
    expect(unread.cutOff).toBe(1);
  });
});
