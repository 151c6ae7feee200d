import { stripVTControlCharacters } from 'node:util';
import { LineSplitter } from './line-splitter.js';

const LONGEST_LINE = 2_000;
/** For both streams of one child together. */
const MOST_LINES = 1_000;
const MOST_BYTES = 256 * 1024;

/** Passes what a child prints on to the log, line by line, up to a limit. What is beyond it is read and thrown away. */
export class OutputLog {
  private lines = 0;
  private bytes = 0;
  private leftOut = 0;
  private readonly splitters: LineSplitter[] = [];

  constructor(private readonly write: (line: string) => void) {}

  /** A listener for one stream of the child. */
  listener(): (bytes: Buffer) => void {
    const splitter = new LineSplitter(LONGEST_LINE, (line, cut) => this.pass(line, cut));
    this.splitters.push(splitter);
    return (bytes) => {
      if (this.full) this.leftOut += bytes.length;
      else splitter.write(bytes);
    };
  }

  /** Call it once the streams have ended. */
  end(): void {
    for (const splitter of this.splitters) splitter.end();
    if (this.leftOut > 0) this.write(`(further output of about ${this.leftOut} bytes was left out)`);
  }

  private get full(): boolean {
    return this.lines >= MOST_LINES || this.bytes >= MOST_BYTES;
  }

  private pass(line: string, cut: boolean): void {
    if (this.full) {
      this.leftOut += line.length;
      return;
    }
    this.lines++;
    this.bytes += line.length;
    const readable = stripVTControlCharacters(line).trimEnd();
    if (readable !== '') this.write(cut ? `${readable}… (cut)` : readable);
  }
}
