import type { RiskAnswer } from './risk.dto.js';
import type { SetLimitsAnswer } from './set-limits.dto.js';

export const riskExample = {
  ok: true,
  version: 1,
  items: [
    { rule: 'position', scope: 'mode:live', current: '120.5', limit: '1000000', headroom: '999879.5' },
    { rule: 'dailyLoss', scope: 'mode:live', current: '0', limit: '500000', headroom: '500000' },
    { rule: 'orderRate', scope: 'mode:live', current: 4, limit: 30, headroom: 26 },
  ],
} satisfies RiskAnswer;

const set = {
  ok: true,
  version: 2,
  limits: [{ rule: 'dailyLoss', scope: 'mode:live', limit: '250' }],
} satisfies SetLimitsAnswer;

const bodies = {
  'a tighter daily loss': {
    value: { limits: [{ rule: 'dailyLoss', scope: 'mode:live', limit: '250' }], reason: 'event risk tonight' },
  },
};

export const limitsExamples = { set, bodies };
