import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { Command } from './command.js';

const PASSED = [
  'database',
  'queue',
  'migrate',
  'server',
  'a health 200',
  'b start without token 401',
  'c start 202',
  'd stop on 200',
  'e start 409',
  'f stop off 200',
];

let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'smoke-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** With settings of another system around it, which it must not heed. */
function smoke(): Command {
  return new Command('smoke-ci', [], {
    HOME: folder,
    DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:2/none',
    ADMIN_API_TOKEN: 'the-token-of-another-system',
    PORT: '2',
    RISK_MAX_DAILY_LOSS: 'nonsense',
  });
}

/** Where it works. */
function homeOf({ output }: Command): string | undefined {
  return /in (\S*interlock-\S+), with/.exec(output)?.[1];
}

/** Processes that have the folder in their arguments or environment. */
function processesOf(home: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(home));
    } catch {
      return false; // gone, or not ours
    }
  });
}

async function nothingIsLeftOf(home: string): Promise<void> {
  await eventually('its processes end', () => processesOf(home).length === 0);
  expect(readdirSync(tmpdir()).filter((name) => home.endsWith(`/${name}`))).toEqual([]);
}

describe('smoke:ci on its own', () => {
  it('checks a system from nothing, apart from every setting, and leaves nothing behind', async () => {
    const command = smoke();
    const status = await command.ended;
    const passed = [...command.output.matchAll(/^\[PASS\] (.*?)(?: \(.*)?$/gm)].map(([, name]) => name);
    expect({ status, passed, output: command.output }).toMatchObject({ status: 0, passed: PASSED });
    expect(command.output).toMatch(/\[RESULT\] Smoke test PASSED \(10 checks\)\n$/);
    await nothingIsLeftOf(homeOf(command)!);
  }, 120_000);

  it.each(['database', 'migrate', 'server'])(
    'leaves nothing behind when it is ended after "%s"',
    async (check) => {
      const command = smoke();
      await eventually('the check passes', () => command.output.includes(`[PASS] ${check}`), 60_000);
      command.child.kill('SIGTERM');
      expect(await command.ended).toBe(143);
      expect(command.output).not.toContain('[RESULT]');
      await nothingIsLeftOf(homeOf(command)!);
    },
    120_000,
  );
});
