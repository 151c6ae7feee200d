import { Injectable } from '@nestjs/common';

/** Whether this process still wants requests. */
@Injectable()
export class Readiness {
  private ending = false;

  get isEnding(): boolean {
    return this.ending;
  }

  /** From now on the process reports itself unready and keeps no connection open. */
  end(): void {
    this.ending = true;
  }
}
