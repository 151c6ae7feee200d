import type { ServerOptions } from 'node:http';

/** How long callers may take at every port of ours. Node answers slow headers by a `clientError` that we phrase. */
export const SERVER_OPTIONS: ServerOptions = {
  /** From the connection's begin, or the last answer's first following byte, to the end of a request's headers. */
  headersTimeout: 10_000,
  /** No limit for the whole of a request: who reads bodies limits them, an upload by its progress (apps/api/http). */
  requestTimeout: 0,
  connectionsCheckingInterval: 2_000,
  /** Longer than the idle timeout of usual proxies (60 s), so that it is never we who close a connection about to be used. */
  keepAliveTimeout: 65_000,
  /** Request line and headers together, in bytes. */
  maxHeaderSize: 16 * 1024,
  /** A request without a host is refused by the api's front door: Node's own answer would not be our envelope. */
  requireHostHeader: false,
};
