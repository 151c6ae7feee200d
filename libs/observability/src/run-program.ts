import { InvalidSettings } from '@interlock/config';

/**
 * Exit statuses, as in sysexits.h: what a supervisor may try again (`unavailable`, and `silent`: a worker that no longer takes jobs)
 * and what somebody must set right first (`configuration`).
 */
export const EXIT_STATUS = { failure: 1, unavailable: 69, silent: 70, configuration: 78 } as const;

/** A program cannot start, for a reason that its operator can act on. The message is all that is shown. */
export class CannotStart extends Error {
  constructor(
    message: string,
    readonly exitStatus: number,
  ) {
    super(message);
    this.name = 'CannotStart';
  }
}

/** A program that is up. */
export interface RunningProgram {
  /** Ends what is under way. Called once. */
  stop(): Promise<void>;
  /** After this long `stop` has failed, and the process is ended all the same. In milliseconds. */
  readonly stopDeadlineMs: number;
}

/**
 * Runs a program until it is asked to end: by SIGINT or SIGTERM, or by the end of the parent that started it with a channel. Asking
 * again changes nothing. The process exits with 0 when it ended well.
 * @param start `stopping` aborts when the end is asked for while starting; whoever waits for something must heed it
 */
export async function runProgram(start: (stopping: AbortSignal) => Promise<RunningProgram>): Promise<never> {
  const stopping = endAsked();
  try {
    const program = await start(stopping);
    await aborted(stopping);
    await stopWithin(program);
  } catch (error) {
    const wasStopped = stopping.aborted && error instanceof Error && error.name === 'AbortError';
    if (!wasStopped) process.exit(explain(error));
  }
  process.exit(0);
}

/**
 * Runs a program that does one thing and ends: with 0 when it did it, with 1 when it was interrupted.
 * @param work `stopping` aborts when the end is asked for; the process is gone right after
 */
export async function runToEnd(work: (stopping: AbortSignal) => Promise<void>): Promise<never> {
  const stopping = endAsked();
  const interrupted = aborted(stopping).then(() => {
    throw new CannotStart('Interrupted. Run it again.', EXIT_STATUS.failure);
  });
  try {
    await Promise.race([work(stopping), interrupted]);
  } catch (error) {
    process.exit(explain(error));
  }
  process.exit(0);
}

function endAsked(): AbortSignal {
  const asked = new AbortController();
  // Listeners stay for good: without one, the second signal would kill the process in the middle of its end.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => asked.abort());
  if (process.send !== undefined) process.on('disconnect', () => asked.abort());
  return asked.signal;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function stopWithin(program: RunningProgram): Promise<void> {
  const deadline = setTimeout(() => {
    process.stderr.write(`Interlock did not end within ${program.stopDeadlineMs} ms and is cut off.\n`);
    process.exit(EXIT_STATUS.failure);
  }, program.stopDeadlineMs);
  await program.stop();
  clearTimeout(deadline);
}

function explain(error: unknown): number {
  if (error instanceof InvalidSettings) {
    process.stderr.write(`${error.message}\n`);
    return EXIT_STATUS.configuration;
  }
  if (error instanceof CannotStart) {
    process.stderr.write(`${error.message}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT_STATUS.failure;
}
