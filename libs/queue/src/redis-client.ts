import type { RedisAddress } from '@interlock/config';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { watchLink } from './redis-link.js';

export type RedisClient = Redis | Cluster;

/** `producer`: adds jobs for somebody who waits, so it fails fast. `consumer`: takes jobs, so it waits as long as it takes. */
export type RedisRole = 'producer' | 'consumer';

const LONGEST_RECONNECT_DELAY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_500;
const COMMAND_TIMEOUT_MS = 1_500;

/** Opens a connection, which is made again whenever it is lost. Whoever opens it must listen to `error` and end it. */
export function openRedis(address: RedisAddress, role: RedisRole, connectionName: string): RedisClient {
  const client = connectRedis(address, role, connectionName);
  watchLink(client);
  return client;
}

function connectRedis(address: RedisAddress, role: RedisRole, connectionName: string): RedisClient {
  const options = { ...connectionOptions(address, role), connectionName };
  const { nodes, masterName, sentinelPassword, tls } = address;
  switch (address.kind) {
    case 'cluster':
      return new Cluster([...nodes], clusterOptions(options, role));
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: [...nodes],
        name: masterName,
        enableTLSForSentinelMode: tls,
        sentinelRetryStrategy: reconnectDelay,
        ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        ...(tls ? { sentinelTLS: {} } : {}),
      });
    case 'single':
      return new Redis({ ...options, ...nodes[0] });
  }
}

function connectionOptions({ username, password, database, tls }: RedisAddress, role: RedisRole): RedisOptions {
  return {
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: 5_000,
    retryStrategy: reconnectDelay,
    // A server that has become a replica: connecting again leads to the one that leads now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(role === 'producer'
      ? { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS }
      : { maxRetriesPerRequest: null }),
  };
}

function clusterOptions(redisOptions: RedisOptions, role: RedisRole): ClusterOptions {
  // The password belongs to the nodes; a node's own connection queues what the cluster has accepted.
  const { enableOfflineQueue = true, retryStrategy: _, ...nodeOptions } = redisOptions;
  return {
    redisOptions: nodeOptions,
    enableOfflineQueue,
    clusterRetryStrategy: reconnectDelay,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    // For a producer the caller's patience is shorter than most elections.
    ...(role === 'producer' ? { maxRedirections: 4 } : {}),
  };
}

function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 100, LONGEST_RECONNECT_DELAY_MS);
}
