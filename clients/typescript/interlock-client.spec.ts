import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.js';
import { Program } from '../../test/support/program.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.js';
import { createClient } from './src/client/index.js';
import {
  getHealth,
  getKillSwitches,
  getRun,
  getRunReport,
  importDataset,
  listRuns,
  setKillSwitch,
  startRun,
} from './src/index.js';

const TOKEN = 'token-of-the-client-under-test';
const CSV = 'market_id,probability,outcome\nrain-monday,0.7,1\nrain-tuesday,0.2,0\n';

let database: TestDatabase;
let home: string;
let programs: Program[] = [];
let baseUrl: string;

beforeAll(async () => {
  database = await createTestDatabase();
  home = await mkdtemp(join(tmpdir(), 'interlock-client-'));
  const environment = {
    DATABASE_URL: database.url,
    INTERLOCK_HOME: home,
    ADMIN_API_TOKEN: TOKEN,
    PORT: '0',
    WORKER_PORT: '0',
  };
  programs = ['api', 'worker'].map((name) => new Program(`dist/apps/${name}/main.js`, environment));
  [baseUrl = ''] = await Promise.all(programs.map(addressOf));
}, 90_000);
afterAll(async () => {
  for (const program of programs) program.kill('SIGTERM');
  await Promise.all(programs.map((program) => program.exit()));
  await database.drop();
  await rm(home, { recursive: true });
});

/** As `Program.address`, but patient: two programs start at once, beside other suites. */
function addressOf(program: Program): Promise<string> {
  return eventually('the program listens', () => /"address":"([^"]+)"/.exec(program.out)?.[1], 60_000);
}

describe('the client', () => {
  it('imports, starts, follows, reads the report and stops, with types all the way', async () => {
    const client = createClient({ baseUrl, auth: TOKEN });
    expect((await getHealth({ client })).data?.db.ok).toBe(true);
    const file = new Blob([CSV]);
    const imported = await importDataset({ client, path: { name: 'mine' }, body: file });
    expect(imported.data?.dataset).toMatchObject({ name: 'mine', rows: 2 });

    const body = { dryRun: false, pipeline: 'calibration', input: { dataset: 'mine', bins: 2 } };
    const { data: started } = await startRun({ client, body, throwOnError: true });
    const path = { id: started.runId };
    const run = await eventually(
      'the run has ended',
      async () => {
        const { data } = await getRun({ client, path, throwOnError: true });
        return data.run.finishedAt === undefined ? undefined : data.run;
      },
      60_000,
    );
    expect([run.state, run.stages.map(({ name }) => name)]).toEqual(['completed', ['load', 'score']]);
    const { data: report } = await getRunReport({ client, path, throwOnError: true });
    expect(report.report).toMatchObject({ dataset: 'mine', n: 2, ece: 0.25 });
    expect((await listRuns({ client, query: { status: 'completed', limit: 1 } })).data?.items[0]?.runId).toBe(path.id);

    const { data: stopped } = await setKillSwitch({ client, body: { reason: 'odd fills' }, throwOnError: true });
    expect(stopped.killSwitch).toMatchObject({ enabled: true, level: 'halt', reason: 'odd fills' });
    const refused = await startRun({ client, body });
    // The code tells which fields there are: this compiles only because of it.
    const reason = refused.error?.code === 'KILL_SWITCH_ON' ? refused.error.killSwitch.reason : undefined;
    expect([refused.response?.status, reason]).toEqual([409, 'odd fills']);
  }, 90_000);

  it('tells what is wrong, and needs no token for what is public', async () => {
    const stranger = createClient({ baseUrl });
    expect((await getKillSwitches({ client: stranger })).data?.ok).toBe(true);
    const { error, response } = await startRun({ client: stranger });
    expect([response?.status, error?.code]).toEqual([401, 'UNAUTHENTICATED']);
    const client = createClient({ baseUrl, auth: TOKEN });
    const wrong = await startRun({ client, body: { maxPosition: -1 } });
    const fields = wrong.error?.code === 'VALIDATION_FAILED' ? Object.keys(wrong.error.fieldErrors) : [];
    expect(fields).toEqual(['maxPosition']);
  });
});
