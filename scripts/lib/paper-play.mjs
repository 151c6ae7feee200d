import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { existingAdminToken } from './admin-token.mjs';
import { ApiClient, configuredApi, describeAnswer } from './api-client.mjs';
import { ROOT, built, homeFolder } from './environment.mjs';
import { prepareProgram } from './prepare-program.mjs';
import { Refusal, UsageError } from './refusal.mjs';
import { say, step } from './terminal.mjs';

const SAMPLE = join(ROOT, 'libs/venues/data/sample-series.json');
const PLAIN_LINE_EVERY_MS = 5_000;
/** The api allows so many requests a minute and no more; then it is asked again a little later. */
const PATIENCE_MS = 1_000;

/** Plays a recording into the paper venue, to its end or until it is stopped. */
export async function paperPlay(values, signal) {
  const wish = wishOf(values);
  const { RecordedMarketData, readSeries } = await marketData(signal);
  const series = seriesOf(wish.file, readSeries);
  const client = new ApiClient(configuredApi(), existingAdminToken(homeFolder()), signal);
  const source = new RecordedMarketData(series, wish.book, wish.stepMs);
  const markets = `${series.length} ${series.length === 1 ? 'market' : 'markets'}`;
  say(`${markets}, a price every ${shownMs(wish.stepMs)}, into the paper venue at ${client.base}`);

  let played = 0;
  try {
    await step('play', async (onProgress) => {
      const tell = progress(onProgress);
      for await (const { step: reached, steps, updates } of source.play(signal)) {
        await Promise.all(updates.map((update) => put(client, update, wish.rules, signal)));
        played = reached;
        tell(reached, steps);
      }
      return `${pricesOf(played)} of ${markets}`;
    });
  } catch (error) {
    say(`  ${pricesOf(played)} played; the books stay as they are.`);
    throw error;
  }
}

async function marketData(signal) {
  await prepareProgram({ signal });
  return import(built('libs/venues/src/market-data/recorded-series.js'));
}

function wishOf({ file, speed, interval, spread, depth, levels, tick, rules, 'fee-rate': feeRate }) {
  const stepMs = (number('interval', interval, 0.001, 86_400) * 1_000) / number('speed', speed, 0.001, 1_000_000);
  number('spread', spread, 0, 1);
  number('depth', depth, 0.00000001, 1e12);
  number('tick', tick, 0.00000001, 0.5);
  const count = number('levels', levels, 1, 50);
  if (!Number.isInteger(count)) throw new UsageError('--levels must be a whole number.');
  return {
    // Paths are meant from where npm was called.
    file: file === undefined ? SAMPLE : resolve(process.env.INIT_CWD ?? process.cwd(), file),
    stepMs,
    book: { spread, depth, levels: count, tick },
    rules: { outcomes: ['YES', 'NO'], rules, feeRate, tick, minQuantity: '1', status: 'OPEN' },
  };
}

function number(name, value, minimum, maximum) {
  const isPlain = /^\d+(\.\d{1,8})?$/.test(value) && Number(value) >= minimum && Number(value) <= maximum;
  if (!isPlain) throw new UsageError(`--${name} must be a number from ${minimum} to ${maximum}.`);
  return Number(value);
}

function seriesOf(file, readSeries) {
  let content;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Refusal(`${file} cannot be read (${error.code}).`);
  }
  try {
    return readSeries(content);
  } catch (error) {
    throw new Refusal(`${file} cannot be played: ${error.message}.`);
  }
}

async function put(client, { market, books }, rules, signal) {
  for (;;) {
    const answer = await client.request('PUT', `/paper/markets/${encodeURIComponent(market)}`, { ...rules, books });
    if (answer.status === 200) return;
    if (answer.status !== 429) throw new Refusal(`${market}: ${describeAnswer(answer)}`);
    await delay(PATIENCE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** On a terminal a line that moves, elsewhere a line now and then. */
function progress(onProgress) {
  let toldAt = performance.now();
  return (played, steps) => {
    const text = `${played} of ${steps}`;
    if (process.stdout.isTTY) onProgress(text);
    else if (performance.now() - toldAt > PLAIN_LINE_EVERY_MS) {
      toldAt = performance.now();
      say(`  play      ${text}`);
    }
  };
}

function pricesOf(count) {
  return count === 1 ? '1 price' : `${count} prices`;
}

function shownMs(ms) {
  return ms >= 1_000 ? `${Number((ms / 1_000).toFixed(1))} s` : `${Number(ms.toFixed(1))} ms`;
}
