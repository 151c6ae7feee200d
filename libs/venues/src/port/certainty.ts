import type { VenueCapabilities, Watermark } from './venue.types.js';

/**
 * Whether NOT_FOUND may close an UNKNOWN order: only when it was asked for after the order's send-by deadline plus the venue's read
 * lag, since until then the order may still turn up (safety.md, O2).
 * @param askedAt when the question was sent, not when its answer came
 */
export function isNotFoundFinal({ readLagMs }: VenueCapabilities, sendBy: Date, askedAt: Date): boolean {
  return askedAt.getTime() > sendBy.getTime() + readLagMs;
}

/** Whether reading has come as far as `mark`, or further. */
export function isAtOrPast(read: Watermark, mark: Watermark): boolean {
  return BigInt(read) >= BigInt(mark);
}
