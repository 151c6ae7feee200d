import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const BYTES = 16;
/** Asking the system for randomness costs far more than taking it: once for so many ids. */
const pool = new Uint8Array(256 * BYTES);
let taken = pool.length;

let milliseconds = -Infinity;
let sequence = 0;

/** A UUID of version 7 (RFC 9562). Those of one process rise, also within a millisecond and when its clock falls. */
export function newId(): string {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const random = pool.subarray(taken, (taken += BYTES));
  const now = Date.now();
  if (now > milliseconds) {
    milliseconds = now;
    // 31 bits, so that as many more fit into the millisecond at least.
    sequence = new DataView(random.buffer, random.byteOffset).getUint32(6) & 0x7f_ff_ff_ff;
  } else {
    sequence = (sequence + 1) >>> 0;
    if (sequence === 0) milliseconds += 1;
  }
  return v7({ random, msecs: milliseconds, seq: sequence });
}
