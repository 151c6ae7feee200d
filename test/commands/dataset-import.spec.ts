import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { HAS_PSEUDO_TERMINALS, PseudoTerminal } from '../support/pseudo-terminal.js';
import { quietPort } from '../support/quiet-port.js';
import { TEST_TOKEN } from '../support/settings.js';
import { outcomeOf } from './command.js';

const ESCAPE = '\x1b';
const ERASED_LINE = `\r${ESCAPE}[2K`;
const HIDDEN_CURSOR = `${ESCAPE}[?25l`;
const HEADER = 'market_id,probability,outcome';

let cluster: Cluster;
let folder: string;
beforeAll(async () => {
  cluster = await Cluster.start({ workers: 0 });
  folder = await mkdtemp(join(tmpdir(), 'interlock-import-'));
}, 60_000);
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

async function fileOf(rows: number, name = `${rows}.csv`): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, [HEADER, ...Array.from({ length: rows }, (_, i) => `m-${i},0.5,${i % 2}`), ''].join('\n'));
  return path;
}

async function fileWith(content: string, name = 'other.csv'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function environment() {
  return { INTERLOCK_URL: String(cluster.api().url), ADMIN_API_TOKEN: TEST_TOKEN };
}

function importing(args: readonly string[], changed: Record<string, string> = {}) {
  return outcomeOf('dataset-import', args, { ...environment(), ...changed });
}

async function rowsOf(name: string): Promise<number | undefined> {
  const { body } = await cluster.get('/api/datasets?limit=200');
  return (body['items'] as { name: string; rows: number }[]).find((dataset) => dataset.name === name)?.rows;
}

describe('npm run dataset:import', () => {
  it('without a terminal writes plain lines', async () => {
    const { status, output } = await importing(['plain', await fileOf(1_000)]);
    expect([status, await rowsOf('plain')]).toEqual([0, 1_000]);
    expect(output).toMatch(/^ {2}import {4}1000 rows/m);
    expect(output).toMatch(/new dataset plain, sha256 [0-9a-f]{64}/);
    for (const drawn of [ESCAPE, '\r', '█']) expect(output).not.toContain(drawn);
    expect((await importing(['plain', await fileOf(3)])).output).toContain('replaced plain');
  });

  it('takes .ndjson, and names the columns that it ignored', async () => {
    const file = await fileWith('{"market_id":"a","probability":0.5,"outcome":1,"volume":7}\n', 'one.ndjson');
    const { status, output } = await importing(['lines', file]);
    expect([status, output]).toEqual([0, expect.stringContaining('columns that were ignored: volume')]);
  });

  it('shows the faults of a file as a table and changes nothing', async () => {
    await importing(['faulty', await fileOf(2)]);
    const lines = Array.from({ length: 30 }, (_, i) => `m-${i},${i},1`);
    const { status, output } = await importing(['faulty', await fileWith([HEADER, ...lines].join('\n'))]);
    expect(status).toBe(1);
    expect(output).toContain('The file has 28 faults; nothing was changed.');
    expect(output).toMatch(/^ +line {2}column +what is wrong$/m);
    expect(output).toMatch(/^ +4 {2}probability {2}must lie between 0 and 1$/m);
    expect(output).toContain('… and 8 more');
    expect(await rowsOf('faulty')).toBe(2);
  });

  it.each<[string, () => Promise<string[]>, Record<string, string>, string]>([
    ['a file that is not there', async () => ['x', '/nowhere.csv'], {}, '/nowhere.csv cannot be read (ENOENT).'],
    ['a folder', async () => ['x', folder], {}, 'is not a file.'],
    ['an empty file', async () => ['x', await fileWith('', 'empty.csv')], {}, 'the file is empty'],
    ['a wrong name', async () => ['Not A Name', await fileOf(1)], {}, 'name must match'],
    ['a wrong token', async () => ['x', await fileOf(1)], { ADMIN_API_TOKEN: 'wrong-token-wrong' }, '(403 FORBIDDEN)'],
    ['a wrong address', async () => ['x', await fileOf(1)], { INTERLOCK_URL: 'nonsense' }, 'INTERLOCK_URL must be'],
  ])('says what is wrong with %s', async (_, args, changed, message) => {
    const { status, output } = await importing(await args(), changed);
    expect([status, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).not.toMatch(/^ +at /m);
    expect(await rowsOf('x')).toBeUndefined();
  });

  it('says how it is called', async () => {
    const { status, output } = await importing(['x']);
    expect([status, output]).toEqual([2, expect.stringContaining('Usage: npm run dataset:import')]);
  });

  it('says so when nobody answers', async () => {
    const { status, output } = await importing(['x', await fileOf(1)], {
      INTERLOCK_URL: `http://127.0.0.1:${await quietPort()}`,
    });
    expect([status, output]).toEqual([1, expect.stringContaining('Is Interlock running (npm start)?')]);
  });
});

/** The command on a terminal, and afterwards the terminal's settings. */
function onTerminal(name: string, file: string): PseudoTerminal {
  const command = `'${process.execPath}' scripts/dataset-import.mjs ${name} '${file}'`;
  // The shell outlives Ctrl-C, so that it can tell.
  return new PseudoTerminal(`trap : INT; ${command}; status=$?; stty -a; echo "left at column one"; exit $status`, {
    PATH: process.env['PATH'],
    ...environment(),
  });
}

function isRestored(output: string): boolean {
  const settings = / isig icanon .* echo /s.test(output.replaceAll(/[\r\n;]+/g, ' '));
  return settings && output.endsWith('\nleft at column one\r\n') && !output.includes(HIDDEN_CURSOR);
}

if (HAS_PSEUDO_TERMINALS) {
  describe('npm run dataset:import on a terminal', () => {
    it('draws a bar that ends at 100 %', async () => {
      const terminal = onTerminal('drawn', await fileOf(100_000));
      try {
        expect(await terminal.ended).toBe(0);
        expect(terminal.output).toContain(`${ERASED_LINE}  import    █`);
        expect(terminal.output).toContain('█'.repeat(20) + ' 100 %, checking');
        expect(terminal.output).toContain(`${ERASED_LINE}  import    100000 rows`);
        expect(isRestored(terminal.output)).toBe(true);
        expect(await rowsOf('drawn')).toBe(100_000);
      } finally {
        await terminal.close();
      }
    }, 60_000);

    it('ends soon after Ctrl-C with status 130, the terminal as it was, and the old data kept', async () => {
      await importing(['kept', await fileOf(2)]);
      const holder = new Client({ connectionString: cluster.database.url });
      await holder.connect();
      // Rows cannot be stored meanwhile, so that the import is under way when the key is pressed.
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE dataset_rows IN SHARE ROW EXCLUSIVE MODE');
      const terminal = onTerminal('kept', await fileOf(100_000));
      try {
        await eventually('the bar is drawn', () => terminal.output.includes('█'), 30_000);
        terminal.pressCtrlC();
        const pressedAt = performance.now();
        expect(await terminal.ended).toBe(130);
        expect(performance.now() - pressedAt).toBeLessThan(5_000); // two seconds, and patience with a busy machine
        expect(terminal.output).toContain('Nothing was changed, unless the whole file had been sent.');
        expect(isRestored(terminal.output)).toBe(true);
      } finally {
        await terminal.close();
        await holder.end();
      }
      await eventually('the import is given up', async () => {
        const staged = await cluster.database.query(`SELECT FROM dataset_versions WHERE state = 'staging'`);
        return staged.length === 0;
      });
      expect(await rowsOf('kept')).toBe(2);
    }, 60_000);
  });
} else {
  it('NOT CHECKED on a terminal: the command `script` of util-linux is missing', () => {
    expect(HAS_PSEUDO_TERMINALS).toBeFalsy();
  });
}
