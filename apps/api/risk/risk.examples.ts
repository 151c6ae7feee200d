import type { RiskAnswer } from './risk.dto.js';

export const riskExample = {
  ok: true,
  version: 1,
  items: [
    { rule: 'position', scope: 'mode:live', current: '120.5', limit: '1000000', headroom: '999879.5' },
    { rule: 'dailyLoss', scope: 'mode:live', current: '0', limit: '500000', headroom: '500000' },
    { rule: 'orderRate', scope: 'mode:live', current: 4, limit: 30, headroom: 26 },
  ],
} satisfies RiskAnswer;
