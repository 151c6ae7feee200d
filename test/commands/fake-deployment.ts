import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

interface Switch {
  scope: string;
  enabled: boolean;
  reason: string | null;
  updatedBy: string;
  updatedAt: string;
}

/** A deployment whose kill switch can misbehave: what a real one does only in a bad moment. */
export class FakeDeployment {
  /** The only switch that it knows. */
  killSwitch: Switch = { scope: 'strategy:smoke', enabled: false, reason: null, updatedBy: 'ada', updatedAt: 'today' };
  /** Whether starts are admitted in spite of the switch. */
  leaky = false;
  /** Whether the connection is cut, once, after the switch was turned on and before that is answered. */
  loseAnswer = false;
  /** Called before the switch is turned. */
  beforeSwitch: () => void = () => undefined;
  /** Bodies of what was asked of the switch. */
  readonly asked: { enabled?: boolean; scope?: string }[] = [];
  private readonly server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    const { method, url = '' } = request;
    if (url.includes('/health')) return void end(200, { ok: true });
    if (method === 'GET') return void end(200, { ok: true, scopes: [this.killSwitch] });
    if (request.headers.authorization === undefined) return void end(401, { code: 'UNAUTHENTICATED', message: 'No.' });
    const body = (await json(request)) as { enabled?: boolean; scope?: string; reason?: string };
    if (url.endsWith('/start')) {
      const refused = this.killSwitch.enabled && !this.leaky;
      const refusal = { code: 'KILL_SWITCH_ON', message: 'Halted.', killSwitch: this.killSwitch };
      return void end(refused ? 409 : 202, refused ? refusal : { ok: true, runId: 'run-1' });
    }
    this.asked.push(body);
    this.beforeSwitch();
    const enabled = body.enabled ?? true;
    this.killSwitch = { ...this.killSwitch, enabled, reason: body.reason ?? null };
    if (enabled && this.loseAnswer) return void response.destroy();
    end(200, { ok: true, killSwitch: this.killSwitch });
  }
}
