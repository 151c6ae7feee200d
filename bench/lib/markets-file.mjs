import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** Writes well calibrated markets with made-up ids, as a market's export has them: quoted text, two times, many digits. */
export async function makeMarketsFile(path, rows) {
  const categories = ['politics', '"sports, US"', 'weather', 'economy', 'culture', 'crypto', 'science', 'world'];
  const platforms = ['kalshi', 'polymarket', 'manifold'];
  let state = 42;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const out = createWriteStream(path);
  let text = 'market_id,platform,category,question,probability,outcome,as_of,resolved_at\n';
  for (let i = 0; i < rows; i += 1) {
    const probability = random();
    const id = (Math.imul(i, 2_654_435_761) >>> 0).toString(36);
    text += `KX${id}-${i},${platforms[i % 3]},${categories[i % 8]},"Will event ${i}, the one, happen?",${probability},`;
    text += `${random() < probability ? 1 : 0},2026-01-08,2026-01-${10 + (i % 20)}T20:03:39Z\n`;
    if (text.length < 1 << 20) continue;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  out.end(text);
  await once(out, 'finish');
}
