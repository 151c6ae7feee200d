import { spawnSync } from 'node:child_process';

const OLDEST_REDIS = 6.2;
const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
const hasRedisServer = Number(/v=(\d+\.\d+)/.exec(stdout ?? '')?.[1] ?? 0) >= OLDEST_REDIS;

/** The queue's backends that can be tested here: Redis only where there is a server, 6.2 or later, to be started. */
export const TEST_BACKENDS = hasRedisServer ? ['postgres', 'redis'] : ['postgres'];
