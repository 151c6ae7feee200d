import { newId } from './new-id.js';

const systemClock = Date.now;

afterEach(() => {
  Date.now = systemClock;
});

describe('ids', () => {
  it('are UUIDs of version 7, each another, and rise', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
  });

  it('tell their time', () => {
    const before = Date.now();
    const at = Number.parseInt(newId().replaceAll('-', '').slice(0, 12), 16);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('rise when the clock falls', () => {
    Date.now = () => systemClock() + 60_000;
    const ahead = newId();
    Date.now = () => systemClock() - 60_000;
    expect(newId() > ahead).toBe(true);
  });
});
