import { readSettings } from '@interlock/config';
import { includesRole, ROLES } from './actor.js';
import { Authenticator } from './authenticate.js';

describe('A1 authentication', () => {
  const authenticator = new Authenticator(readSettings({ ADMIN_API_TOKEN: 'the-bootstrap-token' }));

  it('knows the bootstrap admin by the whole token only', () => {
    expect(authenticator.authenticate('the-bootstrap-token')).toEqual({
      kind: 'known',
      actor: { name: 'admin', role: 'admin' },
    });
    for (const wrong of ['', 'the-bootstrap-toke', 'the-bootstrap-token ', 'THE-BOOTSTRAP-TOKEN', 'é'.repeat(600)]) {
      expect(authenticator.authenticate(wrong)).toEqual({ kind: 'unknown' });
    }
  });

  it('says when no token is configured at all', () => {
    expect(new Authenticator(readSettings({})).authenticate('anything')).toEqual({ kind: 'unconfigured' });
  });

  it('orders the roles, each containing the ones before it', () => {
    for (const [index, role] of ROLES.entries()) {
      expect(ROLES.filter((needed) => includesRole(role, needed))).toEqual(ROLES.slice(0, index + 1));
    }
  });
});
