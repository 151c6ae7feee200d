import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { type MarketsSourceSettings, Settings } from '@interlock/config';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { type MarketList, readMarkets } from './market.js';

/** More of an answer than this, after decompression, is not read. */
export const LARGEST_UPSTREAM_BYTES = 8 * 1024 * 1024;

export type UpstreamErrorCode =
  'UPSTREAM_TIMEOUT' | 'UPSTREAM_FETCH_ERROR' | `UPSTREAM_HTTP_${number}` | 'UPSTREAM_INVALID_BODY';

/** Why the upstream service's markets are not known. Neither field holds anything of its address. */
export interface UpstreamError {
  readonly code: UpstreamErrorCode;
  /** One plain sentence. */
  readonly message: string;
}

export type UpstreamResult =
  ({ readonly kind: 'markets' } & MarketList) | { readonly kind: 'failed'; readonly error: UpstreamError };

/** The HTTP service that knows the markets (contracts.md, "Markets"). */
@Injectable()
export class UpstreamMarkets implements OnModuleDestroy {
  private readonly source: MarketsSourceSettings;
  private readonly ending = new AbortController();

  constructor(settings: Settings) {
    this.source = settings.marketsSource;
  }

  /** Asks the service once. Never throws, and never takes longer than the timeout. */
  async fetch(): Promise<UpstreamResult> {
    const { timeoutMs } = this.source;
    const deadline = new AbortController();
    const end = () => deadline.abort();
    const timer = setTimeout(end, timeoutMs);
    this.ending.signal.addEventListener('abort', end);
    try {
      const markets = readMarkets(parsed(await this.read(deadline.signal)));
      if (markets === null) throw invalidBody('is not of the form { items: [...] }');
      return { kind: 'markets', ...markets };
    } catch (error) {
      if (error instanceof UpstreamFailed) return { kind: 'failed', error: error.error };
      return { kind: 'failed', error: deadline.signal.aborted ? timedOut(timeoutMs) : connectionFault(error) };
    } finally {
      clearTimeout(timer);
      this.ending.signal.removeEventListener('abort', end);
      deadline.abort(); // whatever is left of an answer that was given up keeps no connection
    }
  }

  onModuleDestroy(): void {
    this.ending.abort();
  }

  /** The body, decompressed. */
  private async read(signal: AbortSignal): Promise<Buffer> {
    const response = await this.ask(signal);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299)
      throw new UpstreamFailed(`UPSTREAM_HTTP_${status}`, `The markets service answered with status ${status}.`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of decompressed(response) as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > LARGEST_UPSTREAM_BYTES) throw invalidBody('is larger than 8 MiB');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, bytes);
  }

  /**
   * Not by `fetch`: one that is given up while it connects goes on connecting for 10 s, and one that is given up later connects anew,
   * so that a service that hangs would hold several connections. Redirects are not followed: they would carry the request, and its
   * password, to an address that nobody has configured.
   */
  private async ask(signal: AbortSignal): Promise<IncomingMessage> {
    const { url, authorization } = this.source;
    const { get } = url.startsWith('https:') ? https : http;
    const request = get(url, {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip, deflate',
        'user-agent': 'interlock',
        ...(authorization === undefined ? {} : { authorization }),
      },
      // A connection of its own, closed afterwards: one that is kept could be closed by the service just when we use it again.
      agent: false,
      signal,
    });
    request.on('error', () => undefined); // told by whoever waits; one that comes later interests nobody
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }
}

function decompressed(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return response;
  if (encoding !== 'gzip' && encoding !== 'deflate') throw invalidBody('is compressed in an unknown way');
  // The callback has nothing to do: the error reaches whoever reads.
  return pipeline(response, encoding === 'gzip' ? createGunzip() : createInflate(), () => undefined);
}

class UpstreamFailed extends Error {
  readonly error: UpstreamError;

  constructor(code: UpstreamErrorCode, message: string) {
    super(message);
    this.error = { code, message };
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw invalidBody('is not JSON');
  }
}

function invalidBody(fault: string): UpstreamFailed {
  return new UpstreamFailed('UPSTREAM_INVALID_BODY', `The body of the markets service's answer ${fault}.`);
}

function timedOut(timeoutMs: number): UpstreamError {
  return { code: 'UPSTREAM_TIMEOUT', message: `The markets service gave no complete answer within ${timeoutMs} ms.` };
}

/** Messages of such errors may repeat the address; their codes never do. */
function connectionFault(error: unknown): UpstreamError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_')) return invalidBody('cannot be decompressed').error;
  const reason = /^[A-Z][A-Z0-9_]{0,49}$/.test(code) ? ` (${code})` : '';
  return { code: 'UPSTREAM_FETCH_ERROR', message: `The connection to the markets service failed${reason}.` };
}
