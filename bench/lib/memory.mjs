import { spawnSync } from 'node:child_process';

const LOOK_EVERY_MS = 250;

/**
 * Notes the most memory that processes and their children had at any look: of several under one name, the largest.
 * @param processes pids by name
 */
export function watchMemory(processes) {
  const peaks = new Map();
  const look = () => {
    const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,rss='], { encoding: 'utf8' });
    for (const line of stdout.split('\n')) {
      const [pid, parent, kilobytes] = line.trim().split(/\s+/).map(Number);
      for (const [name, wanted] of Object.entries(processes)) {
        if (pid !== wanted && parent !== wanted) continue;
        peaks.set(name, Math.max(peaks.get(name) ?? 0, kilobytes / 1_024));
      }
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    /** @returns pairs of name and megabytes */
    stop: () => {
      clearInterval(timer);
      look();
      return [...peaks];
    },
  };
}
