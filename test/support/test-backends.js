import { spawnSync } from 'node:child_process';

const hasRedisServer = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;

/** The queue's backends that can be tested here: Redis only where there is a server to be started. */
export const TEST_BACKENDS = hasRedisServer ? ['postgres', 'redis'] : ['postgres'];
