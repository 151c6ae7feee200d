export class PartHealthAnswer {
  ok!: boolean;

  /**
   * How long it took to answer, in milliseconds; absent when it did not.
   * @example 1.2
   */
  latencyMs?: number;

  /** What is wrong, when something is. */
  error?: string;
}

export class QueueHealthAnswer extends PartHealthAnswer {
  /** @example 'postgres' */
  backend!: string;
}

export class HealthAnswer {
  ok!: boolean;

  /** @example 'interlock' */
  service!: string;

  /** @example '0.1.0' */
  version!: string;

  /**
   * ISO 8601, UTC.
   * @example '2026-01-08T12:00:00.000Z'
   */
  now!: string;

  db!: PartHealthAnswer;

  queue!: QueueHealthAnswer;
}

export class LiveAnswer {
  ok!: true;
}

export class ReadyAnswer {
  ok!: boolean;

  /** True once the process was asked to stop. */
  shuttingDown!: boolean;

  db!: PartHealthAnswer;

  queue!: PartHealthAnswer;
}
