import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { connectionConfig } from './connection.js';

const RECONNECT_DELAY_MS = 500;

/**
 * Listens to one channel of PostgreSQL's NOTIFY on a connection of its own, and connects again when it is lost. Notifications
 * sent meanwhile are lost: whoever listens must be able to read the state itself, and does so on each `onMessage`, which is also
 * called after every (re)connection.
 */
export class NotificationListener {
  private client: Client | undefined;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly databaseUrl: string,
    private readonly channel: string,
    private readonly onMessage: () => void,
  ) {}

  start(): void {
    this.running = this.keepListening();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.client?.end().catch(() => undefined);
    await this.running;
  }

  private async keepListening(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.listenUntilLost().catch(() => undefined);
      await delay(RECONNECT_DELAY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async listenUntilLost(): Promise<void> {
    const client = new Client(connectionConfig(this.databaseUrl, `interlock-listen-${this.channel}`));
    const lost = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
    });
    try {
      await client.connect();
      client.on('notification', () => this.onMessage());
      await client.query(`LISTEN ${client.escapeIdentifier(this.channel)}`);
      if (this.stopping.signal.aborted) return;
      this.client = client;
      this.onMessage();
      await lost;
    } finally {
      this.client = undefined;
      await client.end().catch(() => undefined);
    }
  }
}
