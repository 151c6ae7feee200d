import { setTimeout as delay } from 'node:timers/promises';
import type { RedisAddress } from '@interlock/config';
import { PartUnwell } from '@interlock/observability';
import type { BullRootModuleOptions } from '@nestjs/bullmq';
import { Logger } from '@nestjs/common';
import { createRedisBackend, type QueueBaseOptions, type RedisQueueBackend, setDefaultBackendFactory } from 'bullmq';
import { QueueBackend } from './queue-backend.js';
import { openRedis, type RedisClient, type RedisRole } from './redis-client.js';
import { tellErrors } from './tell-errors.js';

/** Begins the name of every key. In braces, so that a cluster keeps all of them on one node, as BullMQ's scripts require. */
const PREFIX = '{interlock}';
const PROBE_KEY = `${PREFIX}:probe`;
const PROBE_LIFETIME_MS = 60_000;

/** How long a start of the process waits for Redis; without it, it goes on and says that it is not ready. */
const FIRST_CONNECTION_PATIENCE_MS = 2_000;

/**
 * BullMQ remembers how the first use of a queue ended: one that met a Redis that is away would wait until it is back, one that lost
 * it in the middle would never work. So nothing is asked of Redis before the queue is used.
 */
const WITHOUT_WAITING = { skipWaitingForReady: true, skipVersionCheck: true };

/**
 * The queues in a Redis. It may come and go at any time: producers fail within 1.5 s while it is away, workers wait, and both carry
 * on by themselves.
 */
export class RedisBackend extends QueueBackend {
  readonly worthABulk = 2;

  private readonly logger = new Logger('redis');
  private readonly clients = new Set<RedisClient>();
  private producer: RedisClient | undefined;
  private firstConnection: Promise<void> | undefined;

  constructor(
    private readonly address: RedisAddress,
    private readonly applicationName: string,
  ) {
    super();
  }

  open(): BullRootModuleOptions {
    const producer = this.connect('producer');
    this.producer = producer;
    // @nestjs/bullmq gives queues and workers one connection, but they need different ones: here they are told apart.
    setDefaultBackendFactory((name, options, roles = {}) =>
      roles.withBlockingConnection === true
        ? this.consumerBackend(name, options)
        : createRedisBackend(name, { ...options, ...WITHOUT_WAITING }, roles),
    );
    return { connection: producer, prefix: PREFIX };
  }

  ready(): Promise<void> {
    this.firstConnection ??= this.waitForFirstConnection();
    return this.firstConnection;
  }

  /** By writing: a Redis that is full, or follows another one, can still be read. */
  async probe(): Promise<void> {
    await this.openProducer()
      .set(PROBE_KEY, this.applicationName, 'PX', PROBE_LIFETIME_MS)
      .catch((error: Error) => {
        throw error.message.startsWith('OOM ') ? new PartUnwell('the queue is full') : error;
      });
  }

  onApplicationShutdown(): Promise<void> {
    // Not `quit`, which would wait for a Redis that is away.
    for (const client of this.clients) this.end(client);
    return Promise.resolve();
  }

  private end(client: RedisClient): void {
    if (this.clients.delete(client)) client.disconnect();
  }

  private async waitForFirstConnection(): Promise<void> {
    const until = performance.now() + FIRST_CONNECTION_PATIENCE_MS;
    while (performance.now() < until) {
      const answers = await this.probe().then(
        () => true,
        () => false,
      );
      if (answers) return;
      await delay(20);
    }
  }

  /** What a worker needs: a connection of its own, and a second one, made from it by BullMQ, on which it waits for jobs. */
  private consumerBackend(name: string, options: QueueBaseOptions): RedisQueueBackend {
    const client = this.connect('consumer');
    const backend = createRedisBackend(name, { ...options, connection: client }, { withBlockingConnection: true });
    const close = backend.close.bind(backend);
    // BullMQ leaves open what it was given; a consumer that is thrown away would leave its connection behind.
    backend.close = async (force) => {
      await close(force);
      this.end(client);
    };
    return backend;
  }

  private connect(role: RedisRole): RedisClient {
    const client = openRedis(this.address, role, `${this.applicationName}-${role}`);
    tellErrors(client, this.logger);
    if (role === 'producer') client.on('ready', () => void this.warnOfEviction(client));
    this.clients.add(client);
    return client;
  }

  /** A Redis that evicts throws jobs away as if they were a cache's entries. */
  private async warnOfEviction(client: RedisClient): Promise<void> {
    const memory = await client.info('memory').catch(() => '');
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
    if (policy === undefined || policy === 'noeviction') return;
    this.logger.warn(`Redis may throw jobs away: its maxmemory-policy is ${policy} and must be noeviction`);
  }

  private openProducer(): RedisClient {
    if (this.producer === undefined) throw new Error('the queue is not open');
    return this.producer;
  }
}
