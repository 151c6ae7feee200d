import type { Logger } from '@nestjs/common';

const QUIET_MS = 5_000;
/** What was told last, by whichever source: one server that is away makes all of them say the same. */
const toldAt = new Map<string, number>();

/** Logs what goes wrong in a queue or worker, the same not more than every 5 s: every attempt to reach a lost server fails anew. */
export function tellErrors(
  source: { on(event: 'error', listener: (error: Error) => void): unknown },
  logger: Logger,
): void {
  source.on('error', (error) => {
    const now = performance.now();
    for (const [message, at] of toldAt) if (now - at >= QUIET_MS) toldAt.delete(message);
    if (toldAt.has(error.message)) return;
    toldAt.set(error.message, now);
    logger.warn({ err: error }, 'the queue reports an error');
  });
}
