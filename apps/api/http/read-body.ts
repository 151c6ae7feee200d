import type { IncomingMessage } from 'node:http';
import { ApiError, CallerGone } from './api-error.js';

/** Most bytes of a JSON body. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** Longest time that a body may take to arrive. */
const BODY_DEADLINE_MS = 10_000;

/**
 * Reads a request's JSON body; an empty one is `{}`.
 * @throws ApiError for a body that is too large, too slow, of another type or malformed
 * @throws CallerGone when the caller closes the connection before the body's end
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  const bytes = await collect(request);
  if (bytes.length === 0) return {};
  checkType(request);
  return parse(bytes);
}

/** What is left of a refused body is not read here: see `endLingeringBody` in request-log.ts. */
function collect(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT_BYTES) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks)));
    const onGone = () => settle(() => reject(new CallerGone()));
    const deadline = setTimeout(() => settle(() => reject(tooSlow())), BODY_DEADLINE_MS);
    const settle = (how: () => void) => {
      clearTimeout(deadline);
      request.off('data', onData).off('end', onEnd).off('close', onGone);
      how();
    };
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  });
}

function checkType(request: IncomingMessage): void {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (type !== 'application/json' || !isUtf8 || encoding !== 'identity') {
    throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json in UTF-8, not compressed.');
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    // The parser's message repeats parts of the body.
    throw new ApiError('MALFORMED_JSON', 'The body is not well-formed JSON in UTF-8.');
  }
}

function tooLarge(): ApiError {
  return new ApiError('PAYLOAD_TOO_LARGE', `The body is larger than ${BODY_LIMIT_BYTES / 1024} KiB.`);
}

function tooSlow(): ApiError {
  const message = `The body did not arrive within ${BODY_DEADLINE_MS / 1000} s.`;
  return new ApiError('REQUEST_TIMEOUT', message, {}, { connection: 'close' });
}
