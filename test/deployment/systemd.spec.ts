import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@interlock/config';
import { DOCKER, readUnit } from './deployment-files.js';
import { ROOT } from './native-image.js';

const UNITS = readdirSync(join(DOCKER, 'systemd'));
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

describe.each(UNITS)('%s', (file) => {
  const unit = readUnit(file);
  const known = readFileSync(join(ROOT, '.env.example'), 'utf8');

  it('runs a program that is built', () => {
    const [command = ''] = unit.get('Service.ExecStart') ?? [];
    expect(command).toMatch(/^\/usr\/bin\/node --enable-source-maps dist\/apps\/(api|worker|migrate)\/main\.js$/);
    expect(file).toContain(/apps\/(\w+)/.exec(command)![1]);
  });

  it('sets what there is to set, and has the secrets that it names', () => {
    const credentials = (unit.get('Service.LoadCredential') ?? []).map((credential) => credential.split(':')[0]);
    const variables = (unit.get('Service.Environment') ?? []).map(
      (assignment) => assignment.split('=') as [string, string],
    );
    for (const [name] of variables) expect(known).toMatch(new RegExp(`^${name}=`, 'm'));
    const used = variables.map(([, value]) => value).filter((value) => value.startsWith('%d/'));
    expect(used.map((value) => value.slice('%d/'.length))).toEqual(credentials);
  });
});

describe.each(UNITS.filter((file) => !file.includes('migrate')))('%s', (file) => {
  const unit = readUnit(file);

  it('starts again after a failure that may pass, and has as long to end as it may take', () => {
    expect(unit.get('Service.Restart')).toEqual(['on-failure']);
    expect(unit.get('Service.RestartPreventExitStatus')).toEqual(['78']);
    expect(Number(unit.get('Service.TimeoutStopSec')?.[0]) * 1000).toBeGreaterThan(
      readSettings({}).shutdownGraceMs + 5_000,
    );
  });
});

(hasSystemd ? describe : describe.skip)('systemd itself', () => {
  it('finds nothing wrong with the units, and that they are well closed in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'interlock-units-'));
    try {
      const names = UNITS.map((file) => file.replace('@.', '@3001.'));
      for (const [index, file] of UNITS.entries()) {
        const text = readFileSync(join(DOCKER, 'systemd', file), 'utf8');
        writeFileSync(join(folder, names[index]!), text.replace('/usr/bin/node', process.execPath));
      }
      const analyze = (...args: string[]) =>
        spawnSync('systemd-analyze', args, {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, SYSTEMD_COLORS: '0' },
        });
      const verified = analyze('verify', ...names.map((name) => `./${name}`));
      expect({ status: verified.status, said: verified.stderr }).toEqual({ status: 0, said: '' });
      for (const name of names) {
        // In tenths: 20 is 2.0 of 10, where 10 is a service that may do everything.
        const judged = analyze('security', '--offline=yes', '--threshold=20', `./${name}`);
        expect({ name, status: judged.status }).toEqual({ name, status: 0 });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
