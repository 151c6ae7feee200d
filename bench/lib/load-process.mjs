/*
 * Sends requests over kept connections, one at a time on each, and measures the answers. It is a process of its own, so that it
 * does not take the time of what it measures, and writes to sockets itself: an HTTP client that does more would be slower
 * than the servers.
 */
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

process.once('message', (wish) => {
  measure(wish).then(
    (result) => process.send({ result }, () => process.exit(0)),
    (error) => process.send({ error: error.message }, () => process.exit(1)),
  );
});
process.once('disconnect', () => process.exit(1));

/** The load's `seconds` count after a warm-up; what is under way at the end is left out. */
async function measure({ url, method = 'GET', headers = {}, body = '', connections, seconds, warmUpSeconds = 0.3 }) {
  const { hostname, port, pathname, search } = new URL(url);
  const lines = Object.entries({ host: `${hostname}:${port}`, ...headers, 'content-length': Buffer.byteLength(body) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const request = Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${head}\r\n${body}`);
  const clock = { from: performance.now() + warmUpSeconds * 1_000, until: 0 };
  clock.until = clock.from + seconds * 1_000;
  const record = { latencies: [], statuses: {}, closed: 0 };
  let cpuBefore;
  setTimeout(() => (cpuBefore = process.cpuUsage()), warmUpSeconds * 1_000);
  const callers = Array.from({ length: connections }, () =>
    call({ hostname, port: Number(port), request, clock, record }),
  );
  await Promise.all(callers);
  const cpu = process.cpuUsage(cpuBefore);
  return { ...record, seconds, cpuShare: (cpu.user + cpu.system) / 1e6 / seconds };
}

/** One connection's requests, one after the other, until the time is over. */
function call({ hostname, port, request, clock, record }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, noDelay: true });
    let sentAt = 0;
    let pending = null;
    const send = () => {
      sentAt = performance.now();
      if (sentAt >= clock.until) return void socket.destroy();
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      const bytes = pending === null ? chunk : Buffer.concat([pending, chunk]);
      const answer = answerIn(bytes);
      if (answer === null) {
        pending = bytes;
        return;
      }
      pending = null;
      const now = performance.now();
      if (now >= clock.from && now < clock.until) {
        record.latencies.push(now - sentAt);
        record.statuses[answer.status] = (record.statuses[answer.status] ?? 0) + 1;
      }
      if (answer.length !== bytes.length) return void socket.destroy(new Error('more came than was asked for'));
      send();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (performance.now() < clock.until) record.closed += 1;
      resolve();
    });
  });
}

/** The answer that the bytes hold, or null while it is not complete. */
function answerIn(bytes) {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return null;
  const head = bytes.latin1Slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${head}`);
  const total = end + HEAD_END.length + Number(length);
  return bytes.length < total ? null : { status: head.slice(9, 12), length: total };
}
