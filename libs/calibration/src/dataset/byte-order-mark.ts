const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** The source's bytes, without a UTF-8 byte order mark at their beginning. */
export async function* withoutByteOrderMark(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined = new Uint8Array();
  for await (const chunk of source) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < BYTE_ORDER_MARK.length) continue;
    yield BYTE_ORDER_MARK.equals(start.subarray(0, BYTE_ORDER_MARK.length))
      ? start.subarray(BYTE_ORDER_MARK.length)
      : start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}
