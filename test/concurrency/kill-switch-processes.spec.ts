import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

const ROUNDS = 200;
const STREAMS = 8;
/** Starts that must have been sent after a stop's answer, and been answered, before the switch is released. */
const PROBES_PER_ROUND = STREAMS;

interface Start {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly status: number;
}

/** From a stop's answer to the sending of its release. */
interface Halt {
  readonly from: number;
  readonly to: number;
}

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start({ apis: 2, workers: 0 });
}, 60_000);

afterAll(() => cluster.close());

/** Sends start after start to one api until told to stop. */
async function stream(api: number, starts: Start[], over: () => boolean): Promise<void> {
  while (!over()) {
    const sentAt = performance.now();
    const { status } = await cluster.post('/api/execution/start', { dryRun: true }, { api });
    starts.push({ sentAt, answeredAt: performance.now(), status });
  }
}

async function toggle(enabled: boolean, api: number): Promise<void> {
  const { status, body } = await cluster.post('/api/execution/stop', { enabled }, { api });
  if (status !== 200) throw new Error(`the switch answered ${status}: ${JSON.stringify(body)}`);
}

describe('K2 over two api processes', () => {
  it(`accepts no start that was sent after a stop's answer, in ${ROUNDS} rounds of starts streaming`, async () => {
    const starts: Start[] = [];
    const halts: Halt[] = [];
    let over = false;
    const streams = Array.from({ length: STREAMS }, (_, n) => stream(n % 2, starts, () => over));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await toggle(true, round % 2);
        const from = performance.now();
        await eventually('starts were tried against the switch', () => {
          return starts.filter(({ sentAt }) => sentAt > from).length >= PROBES_PER_ROUND;
        });
        halts.push({ from, to: performance.now() });
        await toggle(false, (round >> 1) % 2);
        const released = starts.length;
        await eventually('starts are accepted again', () => {
          return starts.slice(released).some(({ status }) => status === 202);
        });
      }
    } finally {
      over = true;
    }
    await Promise.all(streams);

    const during = ({ sentAt, answeredAt }: Start) => halts.some(({ from, to }) => sentAt > from && answeredAt < to);
    const probes = starts.filter(during);
    expect(probes.length).toBeGreaterThanOrEqual(ROUNDS * PROBES_PER_ROUND);
    expect(probes.filter(({ status }) => status !== 409)).toEqual([]);
    expect(starts.filter(({ status }) => status !== 409 && status !== 202)).toEqual([]);
    expect(starts.filter(({ status }) => status === 202).length).toBeGreaterThan(ROUNDS);
  }, 240_000);
});
