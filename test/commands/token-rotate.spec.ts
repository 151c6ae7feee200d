import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { outcomeOf } from './command.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'interlock token '));
  path = join(folder, '.env');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rotate = (...more: string[]) => outcomeOf('token-rotate', ['--env-file', path, ...more]);
const text = () => readFileSync(path, 'utf8');
const token = () => parseEnv(text())['ADMIN_API_TOKEN'] ?? '';

describe('token:rotate', () => {
  it('replaces the token, keeps every other line, and shows neither the old nor the new one', async () => {
    const old = 'the-old-token-of-the-admin';
    writeFileSync(path, `# é settings\nPORT=1\n  ADMIN_API_TOKEN = "${old}" # mine\n\nNOTE="a\n b"\n`, { mode: 0o644 });
    const { status, output } = await rotate();
    expect(status).toBe(0);
    expect(token()).toMatch(/^[0-9a-f]{48}$/);
    expect(text()).toBe(`# é settings\nPORT=1\n  ADMIN_API_TOKEN=${token()}\n\nNOTE="a\n b"\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(output).toContain('ADMIN_API_TOKEN replaced');
    expect(output).toContain('Start again every api');
    expect(output).not.toContain(token());
    expect(output).not.toContain(old);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  it('makes another token each time, and prints it when asked to', async () => {
    await rotate();
    const first = token();
    const { output } = await rotate('--show');
    expect(token()).not.toBe(first);
    expect(output).toContain(token());
  });

  it('makes the file', async () => {
    const { status, output } = await rotate();
    expect(status).toBe(0);
    expect(text()).toBe(`ADMIN_API_TOKEN=${token()}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(output).toContain('made, with a new ADMIN_API_TOKEN');
  });

  it.each([
    ['with a last line that is not ended', 'PORT=1', 'PORT=1\n', '\n'],
    ['with the lines of Windows', 'PORT=1\r\n', 'PORT=1\r\n', '\r\n'],
    ['whose line is a comment', '#ADMIN_API_TOKEN=x\n', '#ADMIN_API_TOKEN=x\n', '\n'],
    ['with the setting that names a file, empty', 'ADMIN_API_TOKEN_FILE=\n', 'ADMIN_API_TOKEN_FILE=\n', '\n'],
  ])('adds the line to a file %s', async (_, before, kept, ending) => {
    writeFileSync(path, before);
    expect((await rotate()).status).toBe(0);
    expect(text()).toBe(`${kept}ADMIN_API_TOKEN=${token()}${ending}`);
  });

  it('replaces the token wherever it is set, with its export and its line ending', async () => {
    writeFileSync(path, 'ADMIN_API_TOKEN=\r\nexport ADMIN_API_TOKEN=old\r\n');
    expect((await rotate()).status).toBe(0);
    expect(text()).toBe(`ADMIN_API_TOKEN=${token()}\r\nexport ADMIN_API_TOKEN=${token()}\r\n`);
  });

  it.each([
    ['a symbolic link', () => symlinkSync(join(folder, 'elsewhere'), path), /symbolic link/],
    ['a folder', () => mkdirSync(path), /is a folder/],
    [
      'a setting that names a file',
      () => writeFileSync(path, 'ADMIN_API_TOKEN_FILE=/x\n'),
      /sets ADMIN_API_TOKEN_FILE/,
    ],
    ['our line within another setting', () => writeFileSync(path, 'NOTE="a\nADMIN_API_TOKEN=x\n"\n'), /left alone/],
    ['a token that goes on', () => writeFileSync(path, 'ADMIN_API_TOKEN="a\nPORT=2\n"\n'), /left alone/],
  ])('refuses %s and changes nothing', async (_, make, reason) => {
    make();
    const before = readdirSync(folder).map((name) =>
      statSync(path, { throwIfNoEntry: false })?.isFile() ? text() : name,
    );
    const { status, output } = await rotate();
    expect(status).toBe(1);
    expect(output).toMatch(reason);
    expect(output).not.toMatch(/\n\s+at /);
    expect(
      readdirSync(folder).map((name) => (statSync(path, { throwIfNoEntry: false })?.isFile() ? text() : name)),
    ).toEqual(before);
  });

  it('says why a file cannot be made', async () => {
    path = join(folder, 'missing', '.env');
    const { status, output } = await rotate();
    expect(status).toBe(1);
    expect(output).toMatch(/cannot be written .*\(ENOENT\)/);
  });

  it('says when the environment wins over the file', async () => {
    const { output } = await outcomeOf('token-rotate', ['--env-file', path], {
      ADMIN_API_TOKEN: 'a-token-of-the-shell',
    });
    expect(output).toContain('ADMIN_API_TOKEN is set in your environment, which wins over the file');
  });
});
