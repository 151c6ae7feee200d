import { execFileSync } from 'node:child_process';
import { cpus, loadavg, platform, release, totalmem } from 'node:os';
import { ROOT } from '../../scripts/lib/environment.mjs';

/** What a result was measured on; nothing that names the machine or its owner. */
export function describeMachine() {
  const [{ model }] = cpus();
  return {
    cores: cpus().length,
    model: model.trim(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().split('-')[0]}`,
    loadAtStart: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

/** The commit that was measured, `+` when the working tree had changes; null outside of a repository. */
export function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    // Results and what is written of them change with every benchmark.
    const changes = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results', ':!docs');
    return git('rev-parse', '--short=10', 'HEAD') + (changes === '' ? '' : '+');
  } catch {
    return null;
  }
}
