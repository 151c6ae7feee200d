import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** False where there is no Python: suites then say so in a test of their own. */
export const HAS_PYTHON = (() => {
  try {
    execFileSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** A folder of Python modules, as a calibration repository has them. Always `remove` it. */
export class PythonRepository {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'interlock-python-')));

  /** Writes a module: `pipelines.daily_job` becomes pipelines/daily_job.py. */
  module(name: string, text: string): void {
    const path = join(this.folder, `${name.replaceAll('.', '/')}.py`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** What a module wrote to a file of the folder; undefined while it is not there. */
  read(name: string): string | undefined {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return undefined;
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a process with this id is there and not merely waiting to be collected. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return isThere(pid);
  }
}

/** For systems without /proc. */
function isThere(pid: number): boolean {
  if (process.platform === 'linux') return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
