import type { Alert, AlertChannel } from './alert-channel.js';
import { AlertNotAccepted } from './alert-channel.js';

/** More of an answer than this is not read. */
const LARGEST_ANSWER_BYTES = 64 * 1024;

/** Posts `{ text, event }` as JSON to an address of the operator's choice. */
export class WebhookChannel implements AlertChannel {
  readonly name = 'webhook';

  /**
   * @param url http or https; a secret
   * @param timeoutMs for the receiver's whole answer
   */
  constructor(
    private readonly url: string,
    private readonly timeoutMs: number,
  ) {}

  async send({ deliveryId, text, event }: Alert, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(this.timeoutMs);
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'interlock',
          'x-interlock-delivery': deliveryId,
        },
        body: JSON.stringify({ text, event: withoutNulls(event) }),
        // A redirect would carry the event to an address that nobody has configured.
        redirect: 'manual',
        signal: AbortSignal.any([timeout, signal]),
      });
      await readToItsEnd(response);
      if (!response.ok) throw new AlertNotAccepted(`HTTP ${response.status}`);
    } catch (error) {
      if (error instanceof AlertNotAccepted) throw error;
      if (signal.aborted) throw new AlertNotAccepted('given up: the process is ending');
      if (timeout.aborted) throw new AlertNotAccepted(`no complete answer within ${this.timeoutMs} ms`);
      throw new AlertNotAccepted(faultOf(error));
    }
  }
}

/** An answer that breaks off may come from a proxy that failed; one that is too long has been given all the same. */
async function readToItsEnd(response: Response): Promise<void> {
  if (response.body === null) return;
  let bytes = 0;
  // Leaving the loop early closes the connection.
  for await (const chunk of response.body) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > LARGEST_ANSWER_BYTES) return;
  }
}

/** The kind of a connection's failure. Messages of such errors may repeat the address; their codes never do. */
function faultOf(error: unknown): string {
  for (let fault = error; typeof fault === 'object' && fault !== null; fault = 'cause' in fault ? fault.cause : null) {
    const code = 'code' in fault ? fault.code : undefined;
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,49}$/.test(code)) return `the connection failed (${code})`;
  }
  return 'the connection failed';
}

function withoutNulls(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}
