import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type NpmStart, StartFixture, until } from './npm-start.js';

const CALIBRATION = { mode: 'mock', dryRun: false, pipeline: 'calibration', input: { dataset: 'sample' } };

let fixture: StartFixture;

beforeAll(async () => {
  fixture = await StartFixture.create();
});

afterAll(() => fixture.remove());

/** How a start ended, when nothing is left of it: in ms, and with an exit status that says that this was wanted. */
async function endOf(started: NpmStart): Promise<{ code: number | null; tookMs: number }> {
  const begin = Date.now();
  const { code } = await started.ended;
  await until(() => fixture.processes().length === 0, 1_000);
  return { code, tookMs: Date.now() - begin };
}

describe('npm start, from an empty folder to its end', () => {
  let first: NpmStart;

  it('becomes ready and shows a first calibration of the bundled data', async () => {
    first = fixture.start();
    await first.ready();
    expect(first.output).toContain(`address      ${fixture.api}`);
    expect(first.output).toMatch(/42 markets · Brier 0\.0330 · log loss \d\.\d{4} · ECE \d\.\d{4} · report at http/);
    expect(statSync(join(fixture.home, 'admin-token')).mode & 0o777).toBe(0o600);
    expect((await fetch(`${fixture.api}/health`)).status).toBe(200);
  });

  it('carries a calibration to its report, and refuses starts while the kill switch is on', async () => {
    const start = await fixture.call('POST', '/execution/start', CALIBRATION);
    expect(start).toMatchObject({ status: 202, body: { ok: true, state: 'queued' } });
    await until(async () => (await runOf(start.body.runId)).status === 'COMPLETED', 20_000);
    expect((await runOf(start.body.runId)).stages.length).toBeGreaterThan(0);
    const { body } = await fixture.call('GET', `/runs/${start.body.runId}/report`);
    expect(body.report.n).toBe(42);
    expect(body.report.brier).toBeCloseTo(0.032955, 6);

    expect((await fixture.call('POST', '/execution/stop', { reason: 'test' })).status).toBe(200);
    expect(await fixture.call('POST', '/execution/start', CALIBRATION)).toMatchObject({
      status: 409,
      body: { code: 'KILL_SWITCH_ON' },
    });
    expect((await fixture.call('POST', '/execution/stop', { enabled: false })).status).toBe(200);
  });

  it('refuses a second start on the same folder and goes on undisturbed', async () => {
    const second = fixture.start();
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.output).toMatch(/already runs on .* \(process \d+, http/);
    expect(second.output).not.toContain('install');
    expect((await fetch(`${fixture.api}/health`)).status).toBe(200);
  });

  it('reports and restarts an api, a worker and a database that die', async () => {
    for (const part of ['api', 'worker', 'postgres'] as const) {
      const pid = fixture.pidOf(part);
      process.kill(pid, 'SIGKILL');
      await until(() => ![0, pid].includes(fixture.pidOf(part)), 20_000);
      await until(worksAgain, 40_000);
    }
    expect(first.output).toContain('api ended (SIGKILL), starting it again in 0.5 s');
    expect(first.output).toContain('worker ended (SIGKILL), starting it again in 0.5 s');
    expect(first.output).toContain('the database ended unexpectedly');
    const start = await fixture.call('POST', '/execution/start', CALIBRATION);
    await until(async () => (await runOf(start.body.runId)).status === 'COMPLETED', 30_000);
  }, 150_000);

  it('ends everything on Ctrl-C pressed three times', async () => {
    for (let press = 0; press < 3; press += 1) first.signalGroup('SIGINT');
    const { code, tookMs } = await endOf(first);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(10_000);
  });

  it('is killed, leaves only the database behind, and the next start takes that over with all data', async () => {
    const killed = fixture.start();
    await killed.ready();
    const runs = (await fixture.call('GET', '/runs')).body.items.length;
    expect(runs).toBeGreaterThan(1);
    killed.signal('SIGKILL');
    await until(() => fixture.pidOf('api') === 0 && fixture.pidOf('worker') === 0, 12_000);
    const database = fixture.pidOf('postgres');
    expect(database).not.toBe(0);

    const next = fixture.start();
    await next.ready();
    expect(next.output).toContain('took over the running server');
    expect(fixture.pidOf('postgres')).toBe(database);
    expect((await fixture.call('GET', '/runs')).body.items).toHaveLength(runs);
    expect(next.output).not.toContain('First calibration');
    next.signal('SIGTERM');
    expect((await endOf(next)).code).toBe(0);
  }, 90_000);
});

describe('npm start that cannot', () => {
  it('names the port in use and its setting', async () => {
    const other = createServer().listen(fixture.port, '127.0.0.1');
    const started = fixture.start();
    expect(await started.ended).toEqual({ code: 1, signal: null });
    expect(started.output).toMatch(new RegExp(`Port ${fixture.port} on 127.0.0.1 is in use.*Set PORT`));
    await new Promise((resolve) => other.close(resolve));
    expect(fixture.processes()).toEqual([]);
  });

  it('names a wrong setting, without trying again', async () => {
    const started = fixture.start({ MAX_POSITION_LIMIT: 'plenty' });
    expect(await started.ended).toEqual({ code: 1, signal: null });
    expect(started.output).toContain('MAX_POSITION_LIMIT');
    expect(started.output).not.toContain('starting it again');
    await until(() => fixture.processes().length === 0, 1_000);
  });

  it('ends everything when asked to at any moment of the start', async () => {
    for (const part of ['database', 'migrate', 'dataset', 'api']) {
      const started = fixture.start();
      await until(() => started.output.includes(part) || !started.running, 30_000);
      started.signal('SIGTERM');
      expect((await started.ended).code).toBe(143);
      await until(() => fixture.processes().length === 0, 1_000);
    }
  }, 90_000);
});

async function runOf(id: string) {
  return (await fixture.call('GET', `/runs/${id}`)).body.run;
}

async function worksAgain(): Promise<boolean> {
  const ready = [`${fixture.api}/health/ready`, `http://127.0.0.1:${fixture.workerPort}/health/ready`];
  const answers = await Promise.all(ready.map((url) => fetch(url).catch(() => null)));
  return answers.every((answer) => answer?.status === 200);
}
