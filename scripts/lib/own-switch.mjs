import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Refusal } from './refusal.mjs';

const RELEASED_WITHIN_MS = 20_000;
/** An order to turn on whose answer got lost may take effect as late as this. */
const LATE_EFFECT_MS = 6_000;

/**
 * The kill switch of one scope as turned on by us, known by its reason: that of somebody else is never released.
 */
export class OwnSwitch {
  #reason = `smoke check ${randomUUID()}`;
  /** `unknown`: asked for, without an answer that says whether. */
  #state = 'off';

  /** @param client one that no stop request interrupts: an answer that is lost leaves the switch in doubt */
  constructor(client, scope) {
    this.client = client;
    this.scope = scope;
  }

  async turnOn() {
    this.#state = 'unknown';
    const answer = await this.client.request('POST', '/execution/stop', { scope: this.scope, reason: this.#reason });
    if (answer.status === 200) this.#state = 'on';
    else if (answer.status < 500) this.#state = 'off';
    return answer;
  }

  async turnOff() {
    const answer = await this.client.request('POST', '/execution/stop', { scope: this.scope, enabled: false });
    if (answer.status === 200) this.#state = 'off';
    return answer;
  }

  /**
   * Turns it off if it is ours, trying for a while.
   * @throws Refusal when it may still be on
   */
  async release() {
    const begin = Date.now();
    const late = () => this.#state === 'on' || Date.now() - begin > LATE_EFFECT_MS;
    while (this.#state !== 'off') {
      try {
        if (await this.#isOurs()) await this.turnOff();
        else if (late()) this.#state = 'off';
      } catch {
        // it does not answer at the moment
      }
      if (this.#state === 'off') return;
      if (Date.now() - begin > RELEASED_WITHIN_MS) throw this.#left();
      await delay(250);
    }
  }

  async #isOurs() {
    const { scopes } = await this.client.call('GET', '/execution/stop');
    return scopes.some(({ scope, enabled, reason }) => scope === this.scope && enabled && reason === this.#reason);
  }

  #left() {
    const body = JSON.stringify({ scope: this.scope, enabled: false });
    return new Refusal(
      `The switch ${this.scope} may still be on, and could not be turned off. Turn it off with:\n\n` +
        `  curl -X POST -H "authorization: Bearer $ADMIN_API_TOKEN" -H 'content-type: application/json' ` +
        `${this.client.base}/execution/stop -d '${body}'`,
    );
  }
}
