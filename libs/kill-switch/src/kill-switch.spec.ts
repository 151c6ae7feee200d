import * as fc from 'fast-check';
import {
  type KillSwitch,
  loosens,
  parseScope,
  satisfies,
  type Scope,
  scopesOver,
  strictest,
  untouched,
} from './kill-switch.js';

function on(scope: Scope, level: 'halt' | 'reduce'): KillSwitch {
  return { ...untouched(scope), enabled: true, level, version: 1 };
}

describe('kill switch', () => {
  it('knows the scopes of the contract and nothing else', () => {
    for (const scope of ['global', 'mode:mock', 'mode:paper', 'mode:live', 'venue:kalshi', 'strategy:a.b_c-1']) {
      expect(parseScope(scope)).toBe(scope);
    }
    const wrong = [
      '',
      'Global',
      'global:',
      'mode:',
      'mode:real',
      'mode',
      'venue:',
      'venue:A',
      'strategy:-a',
      'strategy:a b',
    ];
    for (const scope of [...wrong, 'strategy:a:b', `venue:${'x'.repeat(65)}`, 'constructor', 'strategy:a\n']) {
      expect(parseScope(scope)).toBeNull();
    }
  });

  it('stands over a run by mode and strategy, over an order by venue too', () => {
    expect(scopesOver({ mode: 'live', strategy: 'a' })).toEqual(['global', 'mode:live', 'strategy:a']);
    expect(scopesOver({ mode: 'live', strategy: 'a', venue: 'v' })).toContain('venue:v');
  });

  it('names the strictest switch, and the widest among equals', () => {
    expect(strictest([on('strategy:a', 'halt'), on('global', 'reduce')])?.scope).toBe('strategy:a');
    expect(strictest([on('strategy:a', 'halt'), on('mode:live', 'halt'), on('global', 'halt')])?.scope).toBe('global');
    expect(strictest([untouched('global')])).toBeUndefined();
  });

  it('K6 sees every change that lets more through, and only those', () => {
    const state = fc.constantFrom(untouched('global'), on('global', 'reduce'), on('global', 'halt'));
    const admits = (s: { enabled: boolean; level: string | null }) => (!s.enabled ? 2 : s.level === 'reduce' ? 1 : 0);
    fc.assert(
      fc.property(state, state, (before, after) => {
        const wish = { scope: 'global' as const, enabled: after.enabled, level: after.level ?? ('halt' as const) };
        expect(loosens(before, wish)).toBe(admits(after) > admits(before));
        expect(satisfies(before, wish)).toBe(admits(after) === admits(before));
      }),
    );
  });
});
