import type { ShownStage } from '../../pipeline.js';
import { LineSplitter } from './line-splitter.js';
import { type PythonVerdict, readMessage } from './python-verdict.js';

/** The longest line: a result with its report. In bytes. */
const LONGEST_MESSAGE = 1024 * 1024;

/** Listens to the descriptor on which the bootstrap tells stages and the result; nobody else may write there. */
export class ResultChannel {
  /** What the entrypoint said last of all, if it did. */
  verdict: PythonVerdict | undefined;
  /** What is wrong with what was written there, as a sentence. */
  fault: string | undefined;
  private readonly splitter = new LineSplitter(LONGEST_MESSAGE, (line, cut) => this.hear(line, cut));

  /**
   * @param onStage told of every stage that is reported while the entrypoint runs
   * @param onFault called once, when something else than messages was written
   */
  constructor(
    private readonly onStage: (stage: ShownStage) => void,
    private readonly onFault: () => void,
  ) {}

  write(bytes: Buffer): void {
    if (this.fault === undefined) this.splitter.write(bytes);
  }

  end(): void {
    if (this.fault === undefined) this.splitter.end();
  }

  private hear(line: string, cut: boolean): void {
    if (this.fault !== undefined || this.verdict !== undefined) return;
    if (cut) {
      this.fail(`its result is larger than ${LONGEST_MESSAGE / 1024 / 1024} MiB`);
      return;
    }
    const message = readMessage(line);
    if (message === undefined)
      this.fail('something else than a result was written to descriptor 3, which is for results');
    else if (message.kind === 'stage') this.onStage(message.stage);
    else this.verdict = message.verdict;
  }

  private fail(fault: string): void {
    this.fault = fault;
    this.onFault();
  }
}
