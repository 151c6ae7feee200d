import { refuseOldServer } from './migrate.js';

describe('refuseOldServer', () => {
  it('names the release that is needed and the one that is there', () => {
    expect(() => refuseOldServer(140_011)).toThrow('PostgreSQL 15 or later is needed, and this server is 14.11');
    expect(() => refuseOldServer(150_000)).not.toThrow();
    expect(() => refuseOldServer(180_004)).not.toThrow();
  });
});
