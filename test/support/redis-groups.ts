import { eventually } from './eventually.js';
import { RedisServer } from './redis-server.js';

const SLOTS = 16_384;
/** A server counts as lost after this time; short, since tests wait for it, but long enough for a machine that is busy. */
const LOST_AFTER_MS = 2_000;
const PATIENCE_MS = 60_000;

/** Servers that belong together. */
export interface RedisGroup {
  /** For REDIS_URL. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  close(): Promise<void>;
}

export interface SentinelGroup extends RedisGroup {
  readonly first: RedisServer;
  readonly second: RedisServer;
}

/** Two servers, of which one follows the other, under a sentinel that makes the second one lead when the first is lost. */
export async function startSentinelGroup(): Promise<SentinelGroup> {
  const first = await RedisServer.start({ options: ['--repl-diskless-sync-delay', '0'] });
  const second = await RedisServer.start({ options: ['--replicaof', `127.0.0.1 ${first.port}`] });
  await replicates(second);
  const sentinel = await RedisServer.start({
    sentinel: [
      `sentinel monitor group 127.0.0.1 ${first.port} 1`,
      `sentinel down-after-milliseconds group ${LOST_AFTER_MS}`,
      'sentinel failover-timeout group 10000',
    ],
  });
  await eventually(
    'the sentinel knows the replica',
    async () => ((await sentinel.command('SENTINEL', 'REPLICAS', 'group')) as unknown[]).length === 1,
    PATIENCE_MS,
  );
  return groupOf(`redis+sentinel://127.0.0.1:${sentinel.port}/group`, [sentinel, first, second], { first, second });
}

/** Three servers that share the keys; nobody takes the place of one that is lost. */
export async function startRedisCluster(): Promise<RedisGroup> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(LOST_AFTER_MS)];
  const servers = await Promise.all([0, 1, 2].map(() => RedisServer.start({ options })));
  for (const [index, server] of servers.entries()) {
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => Math.floor((slot * servers.length) / SLOTS) === index,
    );
    await server.command('CLUSTER', 'ADDSLOTS', ...slots);
    if (index > 0) await server.command('CLUSTER', 'MEET', '127.0.0.1', servers[0]!.port);
  }
  await Promise.all(servers.map(isPartOfWhole));
  return groupOf(`redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, servers, {});
}

/** The member of a cluster that holds the queue. */
export async function holderOfQueue(servers: readonly RedisServer[]): Promise<RedisServer> {
  for (const server of servers) {
    if (((await server.command('KEYS', '{interlock}:*')) as unknown[]).length > 0) return server;
  }
  throw new Error('no member of the cluster holds the queue');
}

function replicates(server: RedisServer): Promise<unknown> {
  return eventually(
    'the replica has what its master has',
    async () => String(await server.command('INFO', 'replication')).includes('master_link_status:up'),
    PATIENCE_MS,
  );
}

function isPartOfWhole(server: RedisServer): Promise<unknown> {
  return eventually(
    'the cluster is whole',
    async () => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(await server.command('CLUSTER', 'INFO'))),
    PATIENCE_MS,
  );
}

function groupOf<T>(url: string, servers: readonly RedisServer[], more: T): RedisGroup & T {
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  return { url, servers, close, ...more };
}
