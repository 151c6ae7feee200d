import { ApiProperty } from '@nestjs/swagger';
import { OK, TIME } from '../docs/fields.js';

export class PartHealthAnswer {
  /** Whether the part answers. */
  @ApiProperty()
  ok!: boolean;

  /**
   * How long it took to answer, in milliseconds; absent when it did not.
   * @example 1.2
   */
  @ApiProperty({ minimum: 0 })
  latencyMs?: number;

  /** What is wrong, when something is. */
  @ApiProperty()
  error?: string;
}

export class QueueHealthAnswer extends PartHealthAnswer {
  /** Where the queue is kept: the setting QUEUE_BACKEND. */
  @ApiProperty({ enum: ['postgres', 'redis'] })
  backend!: string;
}

export class HealthAnswer {
  /** True when every part's is. */
  @ApiProperty()
  ok!: boolean;

  @ApiProperty({ enum: ['interlock'] })
  service!: string;

  /** @example '0.1.0' */
  @ApiProperty()
  version!: string;

  /** The process's clock. */
  @ApiProperty(TIME)
  now!: string;

  @ApiProperty()
  db!: PartHealthAnswer;

  @ApiProperty()
  queue!: QueueHealthAnswer;
}

export class LiveAnswer {
  @ApiProperty(OK)
  ok!: true;
}

export class ReadyAnswer {
  @ApiProperty()
  ok!: boolean;

  /** True once the process was asked to stop. */
  @ApiProperty()
  shuttingDown!: boolean;

  @ApiProperty()
  db!: PartHealthAnswer;

  @ApiProperty()
  queue!: PartHealthAnswer;
}
