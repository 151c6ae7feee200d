/** A reason not to go on that the operator can act upon; shown without a stack trace. */
export class Refusal extends Error {}

/** A command was called wrongly; its help is shown with the message. */
export class UsageError extends Error {}

/** Somebody asked us to stop (Ctrl-C, SIGTERM, a closed terminal). */
export class StopRequested extends Error {
  constructor(signal) {
    super(`Stopped by ${signal}.`);
    this.signal = signal;
  }

  /** What shells expect of a program that a signal ended. */
  get exitStatus() {
    return { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[this.signal] ?? 1;
  }
}

/** Prints why something failed; a stack trace only where it may help to find a bug. */
export function explain(error) {
  console.error(`\n${error instanceof Refusal ? error.message : (error.stack ?? error)}`);
}
