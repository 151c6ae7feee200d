import type { Logger } from '@nestjs/common';

const QUIET_MS = 5_000;

/** Logs what goes wrong in a queue or worker, not more than every 5 s: while a server is away, every attempt to reach it fails anew. */
export function tellErrors(
  source: { on(event: 'error', listener: (error: Error) => void): unknown },
  logger: Logger,
): void {
  let toldAt = -Infinity;
  source.on('error', (error) => {
    if (performance.now() - toldAt < QUIET_MS) return;
    toldAt = performance.now();
    logger.warn({ err: error }, 'the queue reports an error');
  });
}
