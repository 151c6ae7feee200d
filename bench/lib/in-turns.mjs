import { load } from './load.mjs';
import { median, ratios } from './statistics.mjs';

/** A client that uses more of its core than this may be what limits the servers. */
const CLIENT_LIMIT = 0.85;

/**
 * Loads a floor and ours in turns, so that whatever else the machine does meets both alike. The first of a round takes turns, too.
 * @param wishes `{ floor, ours }` for `load`
 * @param between called before each load
 */
export async function inTurns(signal, { wishes, rounds, between = async () => undefined }) {
  const measured = { floor: [], ours: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const which of round % 2 === 0 ? ['floor', 'ours'] : ['ours', 'floor']) {
      await between();
      measured[which].push(await load(signal, wishes[which]));
    }
  }
  const all = (which, key) => measured[which].map((one) => one[key]);
  const medians = (which) =>
    Object.fromEntries(['perSecond', 'p50', 'p99'].map((key) => [key, median(all(which, key))]));
  return {
    floor: medians('floor'),
    ours: medians('ours'),
    throughput: ratios(all('ours', 'perSecond'), all('floor', 'perSecond')),
    p99: ratios(all('ours', 'p99'), all('floor', 'p99')),
    limitedByClient: [...all('ours', 'clientShare'), ...all('floor', 'clientShare')].some(
      (share) => share > CLIENT_LIMIT,
    ),
  };
}
