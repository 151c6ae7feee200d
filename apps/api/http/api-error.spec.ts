import { CommitOutcomeUnknown } from '@interlock/persistence';
import { NotFoundException } from '@nestjs/common';
import { envelope } from './answer-error.js';
import { apiErrorOf, invalid } from './api-error.js';
import { ERROR_CODES, statusOf } from './error-codes.js';

describe('errors', () => {
  it.each([
    [new Error('password=hunter2'), 'INTERNAL_ERROR'],
    ['hunter2', 'INTERNAL_ERROR'],
    [undefined, 'INTERNAL_ERROR'],
    [new SyntaxError('hunter2'), 'INTERNAL_ERROR'],
    [Object.assign(new Error('hunter2'), { code: 'ECONNREFUSED' }), 'DATABASE_UNAVAILABLE'],
    [Object.assign(new Error('hunter2'), { code: '57P01' }), 'DATABASE_UNAVAILABLE'],
    [new CommitOutcomeUnknown(new Error('hunter2')), 'DATABASE_UNAVAILABLE'],
    [new NotFoundException('hunter2'), 'NOT_FOUND'],
    [invalid({ mode: ['must be something else'] }), 'VALIDATION_FAILED'],
  ])('%p is answered with %s and nothing of its cause', (thrown, code) => {
    const body = envelope(apiErrorOf(thrown), 'id-1');
    expect(body).toMatchObject({ ok: false, code, requestId: 'id-1' });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('have a status that says error', () => {
    for (const code of ERROR_CODES) expect([code, statusOf(code) >= 400 && statusOf(code) < 600]).toEqual([code, true]);
  });
});
