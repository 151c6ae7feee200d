import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '../support/test-database.js';
import { outcomeOf } from './command.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** The commands that are scripts of our own: name, script, leading arguments. */
const OURS = Object.entries(scripts).flatMap(([name, line]) => {
  const parts = /^node (?:-\S+ )*scripts\/([a-z-]+)\.mjs(?: (.*))?$/.exec(line);
  return parts === null ? [] : [{ name, script: parts[1]!, first: parts[2]?.split(' ') ?? [] }];
});

describe('every command', () => {
  it.each(OURS)('$name tells with --help how it is called', async ({ script, first }) => {
    const { status, output } = await outcomeOf(script, [...first, '--help']);
    expect(status).toBe(0);
    expect(output).toMatch(/^Usage: npm (start|test|run )/);
  });

  it.each(['start', 'build', 'dev', 'db-migrate', 'smoke-ci', 'token-rotate', 'db-generate', 'dataset-import'])(
    '%s ends with 2 when it is called wrongly',
    async (script) => {
      const { status, output } = await outcomeOf(script, ['--wrong']);
      expect(status).toBe(2);
      expect(output).toContain('Usage: npm');
    },
  );
});

describe('start:api and start:worker', () => {
  let folder: string;

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'interlock-clone-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each(['api', 'worker'])('%s says that it is not built', async (program) => {
    cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
    const { status, output } = await outcomeOf('start-program', [program], {}, folder);
    expect(status).toBe(78);
    expect(output).toContain('npm run build');
    expect(output).not.toMatch(/\n\s+at /);
  });

  it.each(['api', 'worker'])('%s says how to get a database', async (program) => {
    const environment = { INTERLOCK_HOME: folder, PORT: '0', WORKER_PORT: '0' };
    const { status, output } = await outcomeOf('start-program', [program], environment);
    expect(status).toBe(78);
    expect(output).toMatch(/DATABASE_URL is not set and no embedded server runs[^]*npm start/);
  });
});

describe('db:psql', () => {
  it('opens psql, or tells how to connect where there is none, without showing the password', async () => {
    const database = await createTestDatabase();
    try {
      const environment = { DATABASE_URL: database.url };
      const query = await outcomeOf('db-psql', ['-Atc', 'SELECT count(*) FROM runs'], environment);
      const hint = await outcomeOf('db-psql', [], { ...environment, PATH: '/nowhere' });
      const { port, password } = new URL(database.url);
      expect(query.output.includes('psql is not installed') || query.output.endsWith('\n0\n')).toBe(true);
      expect(hint).toMatchObject({ status: 1, output: expect.stringContaining(`port      ${port}`) });
      expect(hint.output).toContain('password  in the setting DATABASE_URL');
      expect(query.output + hint.output).not.toContain(password);
    } finally {
      await database.drop();
    }
  });
});

describe('db:generate', () => {
  it('finds that the migrations give what the entities describe', async () => {
    const { status, output } = await outcomeOf('db-generate', ['nothing']);
    expect(output).toContain('No changes');
    expect(status).toBe(0);
  }, 90_000);

  it('wants a name', async () => {
    for (const args of [[], ['Wrong Name'], ['../up'], ['a', 'b']]) {
      expect((await outcomeOf('db-generate', args)).status).toBe(2);
    }
  });
});
