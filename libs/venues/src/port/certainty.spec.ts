import { isAtOrPast, isNotFoundFinal } from './certainty.js';
import type { VenueCapabilities } from './venue.types.js';

describe('certainty', () => {
  it('O2 NOT_FOUND is believed only when asked after send-by and read lag', () => {
    const venue = { readLagMs: 2_000 } as VenueCapabilities;
    const sendBy = new Date(10_000);
    expect(isNotFoundFinal(venue, sendBy, new Date(10_000))).toBe(false);
    expect(isNotFoundFinal(venue, sendBy, new Date(12_000))).toBe(false);
    expect(isNotFoundFinal(venue, sendBy, new Date(12_001))).toBe(true);
  });

  it('watermarks compare as whole numbers, not as text', () => {
    expect(isAtOrPast('10', '9')).toBe(true);
    expect(isAtOrPast('9', '9')).toBe(true);
    expect(isAtOrPast('9', '10')).toBe(false);
  });
});
