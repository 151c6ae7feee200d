import type { EventsAnswer } from './events.dto.js';

export const eventsExample = {
  ok: true,
  items: [
    {
      id: '01a20731-6b4c-7784-974d-16702dad1c47',
      event: 'kill_switch_on',
      severity: 'critical',
      at: '2026-11-23T06:56:48.973Z',
      source: 'kill-switch',
      details: { level: 'halt', scope: 'global', version: 1, previousLevel: null },
      reason: 'odd fills',
      actor: 'admin',
    },
    {
      id: '01a20731-62af-75fc-9dd0-887d25f7dbe3',
      event: 'run_completed',
      severity: 'info',
      at: '2026-11-23T06:56:46.768Z',
      source: 'worker',
      details: { attempt: 1 },
      runId: '01a20731-626d-705b-b365-598d0496adc1',
      jobId: '01a20731-626d-705b-b365-598d0496adc1',
    },
  ],
  nextCursor: 'AaIHMWKvdfyd0Ih9Jffb4w',
} satisfies EventsAnswer;
