import { StopRequested } from './refusal.mjs';
import { say } from './terminal.mjs';

/** Checks that are told one by one. The first that fails ends them: those that follow would only repeat its reason. */
export class Checks {
  #passed = 0;
  #secrets = [];

  constructor(signal) {
    this.signal = signal;
  }

  /** From now on this text is never shown. */
  hide(secret) {
    this.#secrets.push(secret);
  }

  masked(text) {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '****'), text);
  }

  /** @param work returns what is worth knowing, in a few words, or throws why the check fails */
  async check(name, work) {
    this.signal.throwIfAborted();
    try {
      const outcome = await work();
      this.#passed += 1;
      say(this.masked(`[PASS] ${name}${outcome ? ` (${outcome})` : ''}`));
    } catch (error) {
      if (!(error instanceof StopRequested)) say(this.masked(`[FAIL] ${name}: ${error.message}`));
      throw error;
    }
  }

  passed() {
    say(`[RESULT] Smoke test PASSED (${this.#count()})`);
  }

  failed() {
    say(`[RESULT] Smoke test FAILED (${this.#count()} passed before)`);
  }

  #count() {
    return `${this.#passed} check${this.#passed === 1 ? '' : 's'}`;
  }
}
