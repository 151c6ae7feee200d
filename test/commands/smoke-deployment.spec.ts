import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program } from '../support/program.js';
import { TEST_TOKEN } from '../support/settings.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { Command, outcomeOf } from './command.js';
import { FakeDeployment } from './fake-deployment.js';

const AUTHORIZED = { ADMIN_API_TOKEN: TEST_TOKEN };

describe('against a running deployment', () => {
  let database: TestDatabase;
  let home: string;
  let programs: Program[];
  let address: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    home = await mkdtemp(join(tmpdir(), 'interlock-commands-'));
    const environment = {
      INTERLOCK_HOME: home,
      DATABASE_URL: database.url,
      PORT: '0',
      WORKER_PORT: '0',
      ...AUTHORIZED,
    };
    programs = ['api', 'worker'].map((name) => new Program(`dist/apps/${name}/main.js`, environment));
    address = await programs[0]!.address();
    await programs[1]!.address();
  });

  afterAll(async () => {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map((program) => program.exit()));
    await database.drop();
    await rm(home, { recursive: true });
  });

  it('smoke:ci --url passes, touches the switch of its own strategy only, and releases it', async () => {
    const { status, output } = await outcomeOf('smoke-ci', ['--url', `${address}/`], AUTHORIZED);
    expect(output.match(/^\[PASS\] (.*?)(?: \(.*)?$/gm)).toHaveLength(7);
    expect(output).toMatch(/\[RESULT\] Smoke test PASSED \(7 checks\)\n$/);
    expect(output).not.toContain(TEST_TOKEN);
    expect(status).toBe(0);
    const state = (await (await fetch(`${address}/api/execution/stop`)).json()) as { scopes: object[] };
    expect(state.scopes).toEqual([expect.objectContaining({ scope: 'strategy:smoke', enabled: false, version: 2 })]);
  });

  it('smoke:ci --url fails with the reason when the token is wrong, and needs one', async () => {
    const wrong = await outcomeOf('smoke-ci', ['--url', address], { ADMIN_API_TOKEN: 'another-token-than-that' });
    expect(wrong.status).toBe(1);
    expect(wrong.output).toMatch(/\[FAIL\] c start 202: 403 FORBIDDEN/);
    expect(wrong.output).toMatch(/\[RESULT\] Smoke test FAILED \(3 checks passed before\)\n$/);
    const none = await outcomeOf('smoke-ci', ['--url', address]);
    expect(none).toMatchObject({ status: 1, output: expect.stringContaining('Set ADMIN_API_TOKEN') });
  });

  it('queue:smoke follows a dry run to its end', async () => {
    const environment = { ...AUTHORIZED, INTERLOCK_URL: address };
    const { status, output } = await outcomeOf('queue-smoke', ['paper'], environment);
    expect(output).toMatch(/accepted +run [0-9a-f-]{36}[^]*completed[^]*DRY_RUN_DONE\n$/);
    expect(status).toBe(0);
  });

  it('queue:smoke says how it is called, what refuses it, and that nothing answers or no token is there', async () => {
    const environment = { ...AUTHORIZED, INTERLOCK_URL: address };
    expect(await outcomeOf('queue-smoke', ['real'], environment)).toMatchObject({
      status: 2,
      output: expect.stringContaining('one of mock, paper, live'),
    });
    expect(await outcomeOf('queue-smoke', ['mock'], { ...environment, ADMIN_API_TOKEN: 'x'.repeat(20) })).toMatchObject(
      {
        status: 1,
        output: expect.stringContaining('refused    403 FORBIDDEN'),
      },
    );
    expect(
      await outcomeOf('queue-smoke', ['mock'], { ...AUTHORIZED, INTERLOCK_URL: 'http://127.0.0.1:2' }),
    ).toMatchObject({
      status: 1,
      output: expect.stringContaining('does not answer (ECONNREFUSED)'),
    });
    expect(await outcomeOf('queue-smoke', ['mock'], { INTERLOCK_URL: address, INTERLOCK_HOME: home })).toMatchObject({
      status: 1,
      output: expect.stringContaining('There is no token'),
    });
  });
});

describe('smoke:ci --url in a bad moment', () => {
  let deployment: FakeDeployment;
  let smoke: () => Command;

  beforeEach(async () => {
    deployment = new FakeDeployment();
    const address = await deployment.start();
    smoke = () => new Command('smoke-ci', ['--url', address], AUTHORIZED);
  });

  afterEach(() => deployment.stop());

  it('releases its switch when a later check fails', async () => {
    deployment.leaky = true;
    const command = smoke();
    expect(await command.ended).toBe(1);
    expect(command.output).toContain('[FAIL] e start 409: status 202');
    expect(deployment.killSwitch.enabled).toBe(false);
  });

  it('releases its switch when the answer of turning it on was lost', async () => {
    deployment.loseAnswer = true;
    const command = smoke();
    expect(await command.ended).toBe(1);
    expect(command.output).toContain('[FAIL] d stop on 200');
    expect(deployment.killSwitch.enabled).toBe(false);
  });

  it('releases its switch when it is interrupted, also twice, while turning it on', async () => {
    const command = smoke();
    deployment.beforeSwitch = () => {
      if (deployment.asked.length > 1) return;
      for (let press = 0; press < 2; press += 1) command.child.kill('SIGINT');
    };
    expect(await command.ended).toBe(130);
    expect(deployment.asked).toHaveLength(2);
    expect(deployment.killSwitch.enabled).toBe(false);
    expect(command.output).not.toContain('[RESULT]');
  });

  it('never releases the switch of somebody else, and says whose it is', async () => {
    deployment.killSwitch = { ...deployment.killSwitch, enabled: true, reason: 'odd fills' };
    const command = smoke();
    expect(await command.ended).toBe(1);
    expect(command.output).toMatch(/c start 202: 409 KILL_SWITCH_ON.*turned on by ada at today \(odd fills\)/);
    expect(deployment.asked).toEqual([]);
    expect(deployment.killSwitch.enabled).toBe(true);
  });
});
