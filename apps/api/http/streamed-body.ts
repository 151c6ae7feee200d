import type { IncomingMessage, ServerResponse } from 'node:http';
import { SetMetadata } from '@nestjs/common';
import { ApiError, CallerGone } from './api-error.js';

/** Of what kind a body may be that its route reads while it arrives. */
export interface StreamedBodyRules {
  /** Media types, in lower case. */
  readonly types: readonly string[];
  readonly limitBytes: number;
}

/** A body on its way. */
export interface StreamedBody {
  /** One of those that the route takes. */
  readonly type: string;
  /**
   * Can be iterated once, to its end or until something is wrong with it.
   * @throws ApiError when it is too large or too slow; CallerGone when the connection ends before it does
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Aborted, with CallerGone, when the connection is closed before the answer is out: also once the body is complete. */
  readonly abandoned: AbortSignal;
}

/** What a sender must send in every 10 seconds that we wait for it, so that a trickle ends but a slow line does not. */
const PROGRESS = { bytes: 80 * 1024, withinMs: 10_000 };

export const STREAMED_BODY = 'interlock:streamed-body';

/** Declares that the route reads its body as it arrives, as parameter `@BodyStream()`; it is never held as a whole. */
export const StreamsBody = (rules: StreamedBodyRules) => SetMetadata<string, StreamedBodyRules>(STREAMED_BODY, rules);

/** @throws ApiError when the headers alone tell that the body cannot be taken */
export function openStreamedBody(
  request: IncomingMessage,
  response: ServerResponse,
  { types, limitBytes }: StreamedBodyRules,
): StreamedBody {
  const type = acceptableType(request, types);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const abandoning = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) abandoning.abort(new CallerGone());
  });
  return { type, bytes: arriving(request, limitBytes), abandoned: abandoning.signal };
}

function acceptableType(request: IncomingMessage, types: readonly string[]): string {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (types.includes(type) && isUtf8 && encoding === 'identity') return type;
  throw new ApiError('UNSUPPORTED_MEDIA_TYPE', `The body must be ${types.join(' or ')} in UTF-8, not compressed.`);
}

async function* arriving(request: IncomingMessage, limitBytes: number): AsyncGenerator<Uint8Array> {
  // Not destroyed when we stop early: the connection still has to carry the answer.
  const chunks = request.iterator({ destroyOnReturn: false });
  const progress = new Progress();
  let size = 0;
  try {
    for (;;) {
      const next = await progress.of(() => chunks.next());
      if (next.done === true) return;
      size += next.value.length;
      if (size > limitBytes) throw tooLarge(limitBytes);
      yield next.value;
    }
  } finally {
    // What we do not want is discarded, as for any refused body: see `endLingeringBody` in request-log.ts.
    void chunks.return?.().catch(() => undefined);
    request.resume();
  }
}

/** How fast a sender is. Only the time that we wait for it counts: when it is we who are slow, that is no fault of theirs. */
class Progress {
  private waitedMs = 0;
  private bytes = 0;

  /** The next piece. @throws ApiError when too little has come for too long */
  async of(next: () => Promise<IteratorResult<Uint8Array, unknown>>): Promise<IteratorResult<Uint8Array, unknown>> {
    const since = performance.now();
    const piece = next();
    while (!(await settlesWithin(piece, PROGRESS.withinMs - this.waitedMs - (performance.now() - since)))) {
      if (this.bytes < PROGRESS.bytes) {
        piece.catch(() => undefined); // nobody waits for it any more
        throw tooSlow();
      }
      this.waitedMs = since - performance.now(); // what this wait has taken so far belongs to the period that is over
      this.bytes = 0;
    }
    this.waitedMs += performance.now() - since;
    const arrived = await piece.catch(() => Promise.reject(new CallerGone()));
    if (arrived.done !== true) this.bytes += arrived.value.length;
    return arrived;
  }
}

/** False when it takes longer. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, ms));
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}

function tooLarge(limitBytes: number): ApiError {
  return new ApiError('PAYLOAD_TOO_LARGE', `The body is larger than ${limitBytes / 1024 / 1024} MiB.`);
}

function tooSlow(): ApiError {
  const message = `At least ${PROGRESS.bytes / 1024} KiB of the body must arrive in every ${PROGRESS.withinMs / 1000} s.`;
  return new ApiError('REQUEST_TIMEOUT', message, {}, { connection: 'close' });
}
