import { InvalidSettings, readSettings } from '@interlock/config';
import type { TestingModule } from '@nestjs/testing';
import { startApiSide } from '../../../../test/support/run-processes.js';
import { createTestDatabase } from '../../../../test/support/test-database.js';
import { Pipelines } from '../pipelines.js';

describe('the pipeline witness', () => {
  it('cannot be asked for in production', () => {
    const wish = { WITNESS_PIPELINE: 'true' };
    expect(() => readSettings({ ...wish, NODE_ENV: 'production' })).toThrow(InvalidSettings);
    expect(() => readSettings({ ...wish })).toThrow('WITNESS_PIPELINE must not be set');
    expect(readSettings({ NODE_ENV: 'production' }).witnessPipeline).toBe(false);
  });

  it.each([
    ['production', {}, ['calibration', 'orders', 'python']],
    ['test', {}, ['calibration', 'orders', 'python']],
    ['test', { WITNESS_PIPELINE: 'true' }, ['calibration', 'orders', 'python', 'witness']],
  ])('is known with NODE_ENV=%s and %j: %j', async (environment, wish, names) => {
    const database = await createTestDatabase();
    let side: TestingModule | undefined;
    try {
      side = await startApiSide(database.url, { NODE_ENV: environment, ...wish });
      expect(side.get(Pipelines, { strict: false }).names).toEqual(names);
    } finally {
      await side?.close();
      await database.drop();
    }
  });
});
