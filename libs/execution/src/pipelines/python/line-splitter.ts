const NEWLINE = 0x0a;

/** Splits bytes into lines. Of a line no more than `limit` bytes are kept, however long it goes on. */
export class LineSplitter {
  private kept: Buffer[] = [];
  private size = 0;

  /**
   * @param limit in bytes
   * @param onLine `cut` is true when the line was longer than the limit
   */
  constructor(
    private readonly limit: number,
    private readonly onLine: (line: string, cut: boolean) => void,
  ) {}

  write(bytes: Buffer): void {
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      this.keep(bytes.subarray(from, end));
      this.flush();
      from = end + 1;
    }
    this.keep(bytes.subarray(from));
  }

  /** A last line may lack its end. */
  end(): void {
    if (this.size > 0) this.flush();
  }

  private keep(bytes: Buffer): void {
    const room = this.limit - this.size;
    if (room > 0 && bytes.length > 0) this.kept.push(Buffer.from(bytes.subarray(0, room)));
    this.size += bytes.length;
  }

  private flush(): void {
    const line = Buffer.concat(this.kept).toString();
    const cut = this.size > this.limit;
    this.kept = [];
    this.size = 0;
    this.onLine(line, cut);
  }
}
