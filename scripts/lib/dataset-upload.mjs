import { createReadStream, readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { homeFolder, port, secret, setting, shown } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { live, say } from './terminal.mjs';

const PLAIN_LINE_EVERY_MS = 3_000;
const BAR_WIDTH = 20;

/**
 * Sends a file to the api, piece by piece.
 * @returns `{ kind: 'imported', created, dataset }` or `{ kind: 'invalid', faultCount, faults }`
 */
export async function importFile({ name, path, signal, onProgress }) {
  const size = sizeOf(path);
  const type = /\.(ndjson|jsonl)$/i.test(path) ? 'application/x-ndjson' : 'text/csv';
  const api = setting('INTERLOCK_URL') ?? `http://127.0.0.1:${port('PORT', 3000)}`;
  const url = address(api, `/api/datasets/${encodeURIComponent(name)}`);
  const headers = { authorization: `Bearer ${token()}`, 'content-type': type, 'content-length': size };
  const { status, body } = await send({ url, headers, path, signal, onBytes: progress(size, onProgress) });
  if (status === 200 || status === 201) return { kind: 'imported', created: status === 201, dataset: body.dataset };
  if (body.code === 'DATASET_INVALID') return { kind: 'invalid', ...body.details };
  const fields = Object.entries(body.fieldErrors ?? {}).map(([field, messages]) => `${field} ${messages.join(', ')}`);
  throw new Refusal(
    [`The api refused (${status} ${body.code ?? ''}): ${body.message ?? 'no reason given'}`, ...fields].join('\n'),
  );
}

/** The faults as a table. */
export function shownFaults({ faultCount, faults }) {
  const rows = [
    ['line', 'column', 'what is wrong'],
    ...faults.map(({ line, column, message }) => [String(line), column ?? '', message]),
  ];
  const widths = [0, 1].map((place) => Math.max(...rows.map((row) => row[place].length)));
  const lines = rows.map(
    ([line, column, what]) => `  ${line.padStart(widths[0])}  ${column.padEnd(widths[1])}  ${what}`,
  );
  return [...lines, ...(faultCount > faults.length ? [`  … and ${faultCount - faults.length} more`] : [])].join('\n');
}

function sizeOf(path) {
  let found;
  try {
    found = statSync(path);
  } catch (error) {
    throw new Refusal(`${path} cannot be read (${error.code}).`);
  }
  if (!found.isFile()) throw new Refusal(`${path} is not a file.`);
  return found.size;
}

function address(api, path) {
  try {
    return new URL(path, api);
  } catch {
    throw new Refusal(`INTERLOCK_URL must be an address such as http://127.0.0.1:3000, not ${api}.`);
  }
}

function token() {
  const given = secret('ADMIN_API_TOKEN');
  if (given !== undefined) return given;
  const path = join(homeFolder(), 'admin-token');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Refusal(`No token: set ADMIN_API_TOKEN. (${shown(path)} cannot be read: ${error.code}.)`);
  }
}

/** The answer may come before all is sent: what is wrong can be known early. */
function send({ url, headers, path, signal, onBytes }) {
  return new Promise((resolve, reject) => {
    const file = createReadStream(path, { highWaterMark: 1 << 18 });
    const sending = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { method: 'PUT', headers, signal });
    let isAnswered = false;
    const fail = (error) => {
      file.destroy();
      if (!isAnswered) reject(signal.aborted ? signal.reason : refusalOf(error, url));
    };
    sending.once('response', (response) => {
      isAnswered = true;
      text(response)
        .then((body) => resolve({ status: response.statusCode, body: parsed(body) }), reject)
        .finally(() => file.destroy());
    });
    sending.on('error', fail);
    file.on('error', (error) => {
      sending.destroy();
      fail(error);
    });
    file.on('data', (bytes) => onBytes(bytes.length));
    file.pipe(sending);
  });
}

function refusalOf(error, url) {
  if (error.code === 'ECONNREFUSED')
    return new Refusal(`Nobody answers at ${url.origin}. Is Interlock running (npm start)?`);
  return new Refusal(
    `The connection to ${url.origin} was lost (${error.code ?? error.message}). Nothing was changed, unless all had been sent.`,
  );
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return { message: 'what answered is not Interlock' };
  }
}

/** On a terminal a bar that moves, elsewhere a line now and then. */
function progress(size, onProgress) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  let sent = 0;
  let toldAt = performance.now();
  return (bytes) => {
    sent += bytes;
    const share = size === 0 ? 1 : Math.min(1, sent / size); // the file may have grown meanwhile
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    if (live) {
      const done = Math.round(share * BAR_WIDTH);
      const bar = '█'.repeat(done) + '░'.repeat(BAR_WIDTH - done);
      onProgress(`${bar} ${percent}, ${share === 1 ? 'checking' : `${megabytes(sent)} of ${megabytes(size)} MB`}`);
    } else if (performance.now() - toldAt > PLAIN_LINE_EVERY_MS) {
      toldAt = performance.now();
      say(`  import    ${percent}, ${megabytes(sent)} of ${megabytes(size)} MB`);
    }
  };
}
