import type { KillSwitchAnswer, KillSwitchesAnswer, StopAnswer } from './kill-switch.dto.js';

export const killSwitchExample = {
  scope: 'global',
  enabled: true,
  level: 'halt',
  reason: 'odd fills',
  version: 1,
  updatedAt: '2026-11-23T06:56:48.971Z',
  updatedBy: 'admin',
} satisfies KillSwitchAnswer;

const stopped = {
  ok: true,
  killSwitch: killSwitchExample,
  effect: { runsAborted: 1, ordersCanceled: 4, ordersUnknown: 0 },
} satisfies StopAnswer;
const all = { ok: true, killSwitch: killSwitchExample, scopes: [killSwitchExample] } satisfies KillSwitchesAnswer;

const bodies = {
  'halt everything': { value: { reason: 'odd fills' } },
  'no new runs of one strategy': { value: { scope: 'strategy:alpha', level: 'reduce', reason: 'thin books' } },
  release: { value: { enabled: false, reason: 'looked into it' } },
};

export const killSwitchExamples = { stopped, all, bodies };
