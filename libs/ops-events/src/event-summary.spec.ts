import * as fc from 'fast-check';
import { summaryOf } from './event-summary.js';
import { EVENT_SEVERITIES, type EventName, type OpsEventView } from './ops-event.js';

const blank: OpsEventView = {
  id: '019a0000-0000-7000-8000-000000000002',
  event: 'kill_switch_on',
  severity: 'critical',
  at: '2026-01-01T00:00:00.000Z',
  source: 'kill-switch',
  runId: null,
  jobId: null,
  reason: null,
  actor: null,
  details: {},
};

describe('the summary of an event', () => {
  it('says what happened, why, by whom and where', () => {
    const event = {
      ...blank,
      reason: 'drawdown',
      actor: 'ada',
      details: { scope: 'global', level: 'halt', version: 3 },
    };
    expect(summaryOf(event)).toBe('[critical] Kill switch ON: drawdown (by ada, scope global, level halt)');
  });

  it('carries the numbers of a refusal, and how many it stands for', () => {
    const details = { rule: 'maxPosition', strategy: 'alpha', current: '5', limit: 3, count: 12, other: {} };
    expect(summaryOf({ ...blank, event: 'execution_start_blocked', details })).toBe(
      '[critical] A start was blocked (strategy alpha, rule maxPosition, current 5, limit 3, count 12)',
    );
  });

  it('keeps the facts when the reason is long', () => {
    const summary = summaryOf({ ...blank, reason: 'x'.repeat(500), runId: blank.id });
    expect(summary).toHaveLength(300);
    expect(summary).toMatch(/x… \(run 019a0000-0000-7000-8000-000000000002\)$/);
  });

  it('is one line of 1 to 300 well-formed characters, whatever the event holds', () => {
    const text = fc.string({ unit: 'binary', maxLength: 600 });
    const events = fc.record({
      event: fc.constantFrom(...(Object.keys(EVENT_SEVERITIES) as EventName[])),
      reason: fc.option(text),
      actor: fc.option(text),
      scope: fc.oneof(text, fc.double(), fc.object()),
    });
    fc.assert(
      fc.property(events, ({ event, reason, actor, scope }) => {
        const summary = summaryOf({ ...blank, event, reason, actor, details: { scope } });
        expect(summary.length).toBeGreaterThan(0);
        expect(summary.length).toBeLessThanOrEqual(300);
        expect(summary).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(summary.isWellFormed()).toBe(true);
      }),
    );
  });
});
