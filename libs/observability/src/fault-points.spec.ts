import { InvalidSettings, readSettings } from '@interlock/config';
import { armFaultPoints, faultPoint, InjectedFault } from './fault-points.js';

function arm(wishes: string, mode = 'test'): void {
  armFaultPoints(readSettings({ NODE_ENV: mode, FAULT_POINTS: wishes }).faultWishes);
}

function problemsOf(attempt: () => void): readonly string[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
  return [];
}

describe('fault points', () => {
  it('do nothing unless they are armed', () => {
    expect(() => faultPoint('claim-after-commit')).not.toThrow();
  });

  it('strike once, at the visit that is asked for', () => {
    arm('claim-after-commit=fail@3,run-after-end=fail');
    const visits = [1, 2, 3, 4].map(() => {
      try {
        return faultPoint('claim-after-commit');
      } catch (error) {
        return error;
      }
    });
    expect(visits).toEqual([undefined, undefined, expect.any(InjectedFault), undefined]);
    expect(() => faultPoint('run-after-end')).toThrow('injected at run-after-end');
  });

  it.each(['', 'production', 'development'])('are refused by name when NODE_ENV is %p', (mode) => {
    expect(problemsOf(() => arm('claim-after-commit=kill', mode))).toEqual([
      'FAULT_POINTS must not be set: it is for tests of the program (NODE_ENV=test) only',
    ]);
  });

  it.each(['claim-after-commit', 'claim-after-commit=explode', 'claim-after-commit=kill@0', 'a=kill,,b=kill'])(
    'are refused when written like %p',
    (wishes) => {
      expect(problemsOf(() => arm(wishes))).toEqual([
        'FAULT_POINTS must be points separated by commas, such as start-after-commit=kill,lease-before-renewal=freeze@2',
      ]);
    },
  );

  it('are refused when there is no such point', () => {
    expect(problemsOf(() => arm('no-such-point=kill'))).toEqual([
      expect.stringMatching(/^FAULT_POINTS must name fault points: start-in-transaction, /),
    ]);
  });
});
