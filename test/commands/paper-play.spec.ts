import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { startTestApi, type TestApi } from '../support/test-api.js';
import { TEST_TOKEN } from '../support/settings.js';
import { Command, outcomeOf } from './command.js';

let api: TestApi;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'interlock-play-'));
  api = await startTestApi();
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({ INTERLOCK_URL: api.url, ADMIN_API_TOKEN: TEST_TOKEN });

function recording(name: string, content: unknown): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

interface Shown {
  market: string;
  books: { YES: { bids: string[][]; asks: string[][] } };
}
const shown = async (market: string) =>
  ((await api.get('/api/paper/markets')).body.items as Shown[]).find((one) => one.market === market);

describe('paper:play', () => {
  it('plays a recording to its end into the books of the paper venue', async () => {
    const file = recording('two', [
      { market_id: 'a', prices: [0.1, 0.2, 0.3] },
      { market_id: 'b', prices: [0.5] },
    ]);
    const options = ['--file', file, '--speed', '100000', '--spread', '0.02', '--depth', '75', '--levels', '1'];
    const { status, output } = await outcomeOf('paper-play', options, environment());
    expect([status, output]).toEqual([0, expect.stringContaining('3 prices of 2 markets')]);
    expect((await shown('a'))?.books.YES).toEqual({ bids: [['0.29', '75']], asks: [['0.31', '75']] });
    expect((await shown('b'))?.books.YES).toEqual({ bids: [['0.49', '75']], asks: [['0.51', '75']] });
  });

  it('ends at Ctrl-C, says how far it came, and leaves the books', async () => {
    const file = recording('long', [{ market_id: 'long', prices: [0.1, 0.2] }]);
    const command = new Command('paper-play', ['--file', file], environment());
    await eventually('it plays', () => shown('long'), 60_000);
    command.child.kill('SIGINT');
    expect(await command.ended).toBe(130);
    expect(command.output).toContain('1 price played; the books stay as they are.');
    expect(await shown('long')).toBeDefined();
  });

  it('has a recording of its own to play', async () => {
    const command = new Command('paper-play', ['--speed', '1'], environment());
    await eventually('it plays', () => shown('sample-rain'), 60_000);
    command.child.kill('SIGTERM');
    expect(await command.ended).toBe(143);
  });

  it.each([
    ['a file that is none', ['--file', '/nowhere/prices.json'], 1, 'cannot be read (ENOENT)'],
    ['a speed of 0', ['--speed', '0'], 2, '--speed must be a number'],
    ['a spread that is none', ['--spread', 'wide'], 2, '--spread must be a number'],
    ['half a level', ['--levels', '1.5'], 2, '--levels must be a whole number'],
  ])('refuses %s', async (_, options, status, message) => {
    const outcome = await outcomeOf('paper-play', options, environment());
    expect(outcome).toEqual({ status, output: expect.stringContaining(message) });
  });

  it('says where a recording is wrong, and what the api refuses', async () => {
    const wrong = await outcomeOf('paper-play', ['--file', recording('wrong', '[{"market_id":"a"}]')], environment());
    expect(wrong).toEqual({ status: 1, output: expect.stringContaining('0.prices') });
    const file = recording('fine', [{ market_id: 'fine', prices: [0.5] }]);
    const refused = await outcomeOf('paper-play', ['--file', file, '--rules', 'nasdaq'], environment());
    expect(refused).toEqual({ status: 1, output: expect.stringMatching(/400 VALIDATION_FAILED[^]*rules/) });
  });
});
